import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createDatabase, deriveConnectionUrls } from '../db/index.ts';
import { createLogger, Secret } from '../kernel/index.ts';
import { compose, readConfig, type Config, type House } from '../server/index.ts';
import { readBootstrap } from './bootstrap-file.ts';
import { UsageError, type CommandIo } from './command.ts';

/** A house opened by a command: the same rooms on the same database, without serving. */
export type OpenedHouse = { readonly house: House; readonly config: Config; readonly adminUrl: string };

/**
 * Opens the house of the environment, lets `work` use it, and closes it in order. Another process may serve at the same
 * time: the log's writers take turns.
 *
 * @throws UsageError when no database is named and none was started here
 */
export async function withHouse<T>(io: CommandIo, work: (opened: OpenedHouse) => Promise<T>): Promise<T> {
  const config = readConfig(io.environment);
  const adminUrl = config.databaseUrl?.reveal() ?? (await readBootstrap(io.environment))?.databaseUrl;
  if (adminUrl === undefined)
    throw new UsageError('no database: set GATEHOUSE_DATABASE_URL, or start the house first');
  const secretsPath = join(config.dataFolder, 'secrets');
  await mkdir(secretsPath, { recursive: true, mode: 0o700 });
  const passphrase = config.rootKeyPassphrase ?? (await readDevelopmentPassphrase(config, secretsPath));
  const logger = createLogger({ level: 'warn', format: 'text' });
  const database = createDatabase({ urls: deriveConnectionUrls(adminUrl), logger, poolSize: 4 });
  const house = await compose({ config, secretsPath, database, logger, consoleFolder: null, passphrase });
  try {
    await house.start();
    return await work({ house, config, adminUrl });
  } finally {
    await house.stop();
    await database.close();
  }
}

/** Production with an outside root provider, or a root key sealed by shares, has none. */
async function readDevelopmentPassphrase(config: Config, secretsPath: string): Promise<Secret | null> {
  const file = join(secretsPath, 'root-passphrase');
  if ((config.roots.current.kind !== 'local' || config.rootKeyShares) && !existsSync(file)) return null;
  return new Secret((await readFile(file, 'utf8')).trim());
}
