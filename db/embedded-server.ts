import { spawn, type ChildProcess } from 'node:child_process';
import pg from 'pg';
import type { Logger } from '../kernel/index.ts';
import type { Binaries, ServerUser } from './embedded-cluster.ts';
import { databaseError } from './errors.ts';

/** How the server is started. */
export type ServerStart = {
  readonly binaries: Binaries;
  readonly dataFolder: string;
  readonly port: number;
  readonly user: ServerUser;
  readonly settings: readonly string[];
  readonly logger: Logger;
};

const startTimeoutMilliseconds = 60_000;

/** Starts the server and waits until it answers. @throws ERR_DB_EMBEDDED with the server's own reason */
export async function startServer(start: ServerStart): Promise<ChildProcess> {
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'password_encryption=scram-sha-256',
    'log_min_messages=warning',
    'max_connections=100',
    ...start.settings,
  ];
  const server = spawn(
    start.binaries.postgres,
    ['-D', start.dataFolder, '-p', String(start.port), ...settings.flatMap((setting) => ['-c', setting])],
    {
      ...start.user,
      cwd: start.dataFolder,
      detached: true, // its own group: Ctrl-C reaches us first, and we stop it in order
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    },
  );
  const lines: string[] = [];
  server.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    lines.push(...chunk.split('\n').filter((line) => line !== ''));
    if (lines.length > 50) lines.splice(0, lines.length - 50);
    start.logger.debug('postgres', { line: chunk.trim() });
  });
  await waitUntilReady(server, start, lines);
  return server;
}

async function waitUntilReady(
  server: ChildProcess,
  start: ServerStart,
  lines: readonly string[],
): Promise<void> {
  const deadline = Date.now() + startTimeoutMilliseconds;
  while (Date.now() < deadline) {
    if (server.exitCode !== null || server.signalCode !== null) {
      const reason =
        lines.findLast((line) => /FATAL|PANIC|ERROR/.test(line)) ?? lines.at(-1) ?? 'no reason given';
      throw databaseError(
        'ERR_DB_EMBEDDED',
        `the embedded PostgreSQL did not start from "${start.dataFolder}": ${reason}. The data folder may be damaged; restore it from a backup or move it away to begin anew`,
      );
    }
    if (await acceptsConnections(start.port)) return;
    await new Promise((wake) => setTimeout(wake, 25));
  }
  server.kill('SIGINT');
  throw databaseError(
    'ERR_DB_EMBEDDED',
    `the embedded PostgreSQL was not ready after ${startTimeoutMilliseconds / 1000} s; see the log for its last lines`,
  );
}

/** A refused password proves that the server answers; a start-up in progress says 57P03. */
async function acceptsConnections(port: number): Promise<boolean> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password: 'probe',
    database: 'postgres',
    connectionTimeoutMillis: 1_000,
  });
  client.on('error', () => undefined); // a probe; its outcome is the answer
  try {
    await client.connect();
    await client.end();
    return true;
  } catch (error) {
    return (error as { code?: string }).code === '28P01'; // SQLSTATE invalid_password, from pg
  }
}

/** Fast shutdown; a server that does not end within 15 seconds is told to quit at once. */
export async function stopServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise<void>((done) => server.once('exit', () => done()));
  server.kill('SIGINT'); // "fast" shutdown
  const hard = setTimeout(() => server.kill('SIGQUIT'), 15_000);
  await ended;
  clearTimeout(hard);
}
