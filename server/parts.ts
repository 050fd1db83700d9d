import { randomBytes } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import {
  deriveConnectionUrls,
  migrate,
  roleSecrets,
  startEmbeddedPostgres,
  type ConnectionUrls,
} from '../db/index.ts';
import { Secret, type Logger } from '../kernel/index.ts';
import type { Config } from './config.ts';
import type { DataFolder } from './data-folder.ts';
import { serverError } from './errors.ts';
import { migrationSources } from './migration-sources.ts';

/** A migrated database and how to let go of it. */
export type DatabasePart = {
  readonly urls: ConnectionUrls;
  readonly embedded: boolean;
  readonly stop: () => Promise<void>;
};

/** The external database of the configuration, or an embedded one in the data folder; migrated. */
export async function openDatabase(
  config: Config,
  folder: DataFolder,
  logger: Logger,
): Promise<DatabasePart> {
  if (config.databaseUrl !== null) {
    const urls = deriveConnectionUrls(config.databaseUrl.reveal());
    await migrateTo(urls, logger);
    return { urls, embedded: false, stop: async () => undefined };
  }
  const server = await startEmbeddedPostgres({
    dataFolder: join(folder.path, 'postgres'),
    secretsFolder: folder.secretsPath,
    logger,
  });
  try {
    const urls = deriveConnectionUrls(await server.createDatabase('gatehouse'));
    await migrateTo(urls, logger);
    return { urls, embedded: true, stop: server.stop };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function migrateTo(urls: ConnectionUrls, logger: Logger): Promise<void> {
  const applied = await migrate(urls.admin ?? urls.app, migrationSources, roleSecrets(urls));
  if (applied.length > 0)
    logger.info('the database schema was brought up to date', { applied: applied.length });
}

/**
 * The passphrase of the local root key: from the configuration, or, in development only, generated once and kept in the
 * data folder.
 *
 * @returns null in production with an outside root provider
 */
export async function rootKeyPassphrase(config: Config, folder: DataFolder): Promise<Secret | null> {
  if (config.rootKeyPassphrase !== null) return config.rootKeyPassphrase;
  if (config.mode === 'production') return null;
  const file = join(folder.secretsPath, 'root-passphrase');
  try {
    await writeFile(file, randomBytes(32).toString('base64url'), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // an errno error of node:fs
  }
  await chmod(file, 0o600);
  return new Secret((await readFile(file, 'utf8')).trim());
}

/** Refuses early when somebody listens where we want to. @throws ERR_PORT_IN_USE */
export async function requireFreePort(host: string, port: number): Promise<void> {
  await new Promise<void>((done, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? serverError(
              'ERR_PORT_IN_USE',
              `port ${port} on ${host} is in use by another program; stop it or set GATEHOUSE_PORT`,
            )
          : serverError('ERR_PORT_IN_USE', `cannot listen on ${host}:${port}: ${error.message}`, error),
      );
    });
    probe.listen(port, host, () => probe.close(() => done()));
  });
}
