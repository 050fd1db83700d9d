import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { GatehouseError, Secret } from '../kernel/index.ts';

/** Where the keys are, as the house itself is told. */
export type Settings = {
  readonly databaseUrl: string;
  /** The sealed root key file. */
  readonly rootFile: string;
  readonly passphrase: Secret;
  /** Whether the passphrase is the one that development makes for itself. */
  readonly development: boolean;
};

/** A setting is missing or cannot be used. */
export function settingsError(message: string, cause?: unknown): GatehouseError {
  return new GatehouseError('ERR_SETTINGS', message, { status: 500, cause });
}

/**
 * Reads `GATEHOUSE_DATABASE_URL`, `GATEHOUSE_DATA_DIR` and `GATEHOUSE_ROOT_KEY_PASSPHRASE`; what is not set is taken
 * from the data folder of a house in development.
 *
 * @throws ERR_SETTINGS
 */
export async function readSettings(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Settings> {
  const folder = resolve(environment['GATEHOUSE_DATA_DIR'] ?? '.gatehouse');
  const secrets = join(folder, 'secrets');
  const given = environment['GATEHOUSE_ROOT_KEY_PASSPHRASE'];
  return {
    databaseUrl: environment['GATEHOUSE_DATABASE_URL'] ?? (await developmentDatabase(folder)),
    rootFile: join(secrets, 'root-key'),
    passphrase: new Secret(given ?? (await developmentPassphrase(join(secrets, 'root-passphrase')))),
    development: given === undefined,
  };
}

async function developmentDatabase(folder: string): Promise<string> {
  const file = join(folder, 'bootstrap.json');
  try {
    const { databaseUrl } = JSON.parse(await readFile(file, 'utf8')) as { databaseUrl?: unknown }; // read, then checked
    if (typeof databaseUrl === 'string') return databaseUrl;
  } catch (cause) {
    throw settingsError(
      `there is no GATEHOUSE_DATABASE_URL and no "${file}"; set it, or point GATEHOUSE_DATA_DIR to a house in development`,
      cause,
    );
  }
  throw settingsError(`"${file}" names no database; start the house again`);
}

async function developmentPassphrase(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw settingsError(
      `there is no GATEHOUSE_ROOT_KEY_PASSPHRASE and "${file}" cannot be read; set the passphrase of the root key file`,
      cause,
    );
  }
}
