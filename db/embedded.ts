import { resolve } from 'node:path';
import pg from 'pg';
import { isGatehouseError, type Logger } from '../kernel/index.ts';
import {
  initialise,
  isInitialised,
  loadBinaries,
  prepareFolders,
  readPassword,
  serverUser,
  stopLeftover,
} from './embedded-cluster.ts';
import { reachableBinaries, reachableData } from './embedded-reach.ts';
import { startServer, stopServer } from './embedded-server.ts';
import { databaseError } from './errors.ts';
import { freePort } from './free-port.ts';

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
  /** Holds the cluster; made when missing. As root, a place that the server's user can reach stands in where it cannot. */
  readonly dataFolder: string;
  /** Holds `postgres-password`, mode 0600; may be closed to the server's user. */
  readonly secretsFolder: string;
  readonly logger: Logger;
  /** Extra settings, `name=value`. */
  readonly settings?: readonly string[];
};

/**
 * Starts the server, after initialising its cluster the first time. A server that an earlier process left behind on the
 * same folder is stopped first. Works as root: the server then runs as the system user `postgres`.
 *
 * @throws ERR_DB_EMBEDDED with the reason and the remedy
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const user = await serverUser();
  const binaries = await reachableBinaries(await loadBinaries(), user);
  const dataFolder = await reachableData(resolve(options.dataFolder), user, options.logger);
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
