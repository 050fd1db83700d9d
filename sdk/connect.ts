import { access, readFile } from 'node:fs/promises';
import { auditEvents, createAudit } from '../audit/index.ts';
import {
  createCrypto,
  createLocalProvider,
  cryptoEvents,
  type Crypto,
  type RootProvider,
} from '../crypto/index.ts';
import { loadDataMap, type DataMap } from '../datamap/index.ts';
import {
  createDatabase,
  deriveConnectionUrls,
  type ConnectionUrls,
  type Database,
  type Tx,
} from '../db/index.ts';
import {
  parseTenantId,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
  type AuditSink,
  type Logger,
} from '../kernel/index.ts';
import { readSettings, settingsError, type Settings } from './settings.ts';
import { createTenantVault, type TenantVault } from './vault.ts';

/** What {@link connect} is told; the data map is the only thing that must be. */
export type ConnectOptions = {
  /** Path of the data map, or its YAML text. */
  readonly dataMap: string;
  /** Default: `GATEHOUSE_DATABASE_URL`, or the database of the development house in `GATEHOUSE_DATA_DIR`. */
  readonly databaseUrl?: string;
  /** Default: the sealed file in `GATEHOUSE_DATA_DIR`, opened with `GATEHOUSE_ROOT_KEY_PASSPHRASE`. */
  readonly root?: RootProvider;
  /** Default: nothing is written. */
  readonly logger?: Logger;
  /** Connections for keys, 1..100; default 4. */
  readonly poolSize?: number;
};

/** A connection to the keys. */
export type Vault = {
  /** The keys of one tenant. @param tenantId - a UUID @throws ERR_INVALID_ID */
  readonly tenant: (tenantId: string) => TenantVault;
  readonly close: () => Promise<void>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

const shared = {
  clock: systemClock,
  randomBytes: systemRandomBytes,
  newId: (): string => uuidv7(systemClock.now().getTime(), systemRandomBytes),
} as const;

/**
 * Opens the keys of a house for a program of your own. Every call works in a short transaction of its own on the key
 * tables; your own tables may be in any database.
 *
 * @throws ERR_SETTINGS, ERR_DATAMAP_INVALID, ERR_CRYPTO_UNSEAL
 */
export async function connect(options: ConnectOptions): Promise<Vault> {
  const { logger = silentLogger, poolSize = 4 } = options;
  const map = await loadMap(options.dataMap);
  const environment = process.env;
  const url = options.databaseUrl;
  const settings =
    url !== undefined && options.root !== undefined
      ? null
      : await readSettings(url === undefined ? environment : { ...environment, GATEHOUSE_DATABASE_URL: url });
  const root = options.root ?? (await openRoot(settings));
  const database = createDatabase({ urls: urlsOf(url ?? settings?.databaseUrl ?? ''), logger, poolSize });
  const crypto = joinRooms(database, root, logger);
  const close = async (): Promise<void> => {
    await crypto.stop();
    await database.close();
  };
  return Object.freeze({
    tenant: (tenantId: string) => createTenantVault({ database, crypto, map }, parseTenantId(tenantId)),
    close,
    [Symbol.asyncDispose]: close,
  });
}

async function loadMap(dataMap: string): Promise<DataMap> {
  const isText = dataMap.includes('\n');
  const text = isText ? dataMap : await readMap(dataMap);
  return loadDataMap([{ name: isText ? 'data map' : dataMap, yaml: text }]);
}

async function readMap(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw settingsError(`the data map "${file}" cannot be read; give its path, or its text`, cause);
  }
}

async function openRoot(settings: Settings | null): Promise<RootProvider> {
  if (settings === null) throw settingsError('no root key is configured');
  try {
    await access(settings.rootFile);
  } catch (cause) {
    // A missing file would be made anew, and nothing that exists would open under it.
    throw settingsError(
      `the root key file "${settings.rootFile}" is not there; point GATEHOUSE_DATA_DIR to the house's folder`,
      cause,
    );
  }
  return createLocalProvider({
    file: settings.rootFile,
    passphrase: settings.passphrase,
    randomBytes: systemRandomBytes,
    development: settings.development,
  });
}

/** The URL of the application role is enough; from an administrator's only that role's is derived and used. */
function urlsOf(url: string): ConnectionUrls {
  const isApp = decodeURIComponent(new URL(url).username) === 'gatehouse_app';
  return isApp ? { admin: url, app: url, sequencer: url } : deriveConnectionUrls(url);
}

/** Failures and calls to the root go into the trail of the house; its writer moves them into the log. */
function joinRooms(database: Database, root: RootProvider, logger: Logger): Crypto {
  const sink: AuditSink<Tx> = {
    append: (tx, event) => audit.append(tx, event),
    record: (event) => database.withTenant(event.tenantId, (tx) => audit.append(tx, event)),
  };
  const crypto = createCrypto({ ...shared, database, root, logger, audit: () => sink });
  const audit = createAudit({
    ...shared,
    database,
    crypto,
    logger,
    originPrefix: 'gatehouse.example',
    definitions: [...cryptoEvents, ...auditEvents],
  });
  return crypto;
}
