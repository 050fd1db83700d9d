import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createAudit, type Audit } from '../audit/index.ts';
import { createCrypto, createLocalProvider, cryptoEvents, type RootProvider } from '../crypto/index.ts';
import {
  createDatabase,
  deriveConnectionUrls,
  migrate,
  roleSecrets,
  startEmbeddedPostgres,
  type Database,
} from '../db/index.ts';
import {
  parseTenantId,
  Secret,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
  type TenantId,
} from '../kernel/index.ts';
import { migrationSources } from '../server/migration-sources.ts';
import { growthDefinitions } from './audit-growth-people.ts';

const newId = (): string => uuidv7(Date.now(), systemRandomBytes);

/** A log that is filled and read. */
export type GrowthHouse = {
  readonly audit: Audit;
  readonly database: Database;
  readonly tenant: TenantId;
  /** Runs SQL past every wall. */
  readonly admin: (text: string, values?: readonly unknown[]) => Promise<pg.QueryResult>;
  /** The clock of the log. */
  readonly setTime: (at: Date) => void;
  readonly close: () => Promise<void>;
};
/** A server that keeps its log over restarts. */
export type GrowthServer = {
  /** Starts the server, or starts it again. */
  readonly open: () => Promise<GrowthHouse>;
  readonly remove: () => Promise<void>;
};

/** What the server may use; the rest is as PostgreSQL comes. */
export const growthSettings = [
  'shared_buffers=4GB',
  'effective_cache_size=12GB',
  'maintenance_work_mem=2GB',
  'max_wal_size=8GB',
  'random_page_cost=1.1',
  'effective_io_concurrency=200',
];

/** @param root - where the cluster is made; default the system's folder for temporary files */
export async function createGrowthServer(root = tmpdir()): Promise<GrowthServer> {
  const folder = await mkdtemp(join(root, 'gatehouse-growth-'));
  await chmod(folder, 0o711);
  const kept: { url: string | null; tenant: TenantId } = { url: null, tenant: parseTenantId(newId()) };
  const provider = await createLocalProvider({
    file: join(folder, 'root'),
    passphrase: new Secret('a passphrase for benches'),
    randomBytes: systemRandomBytes,
    costLog2: 14,
  });
  return Object.freeze({
    open: async () => {
      const server = await startEmbeddedPostgres({
        dataFolder: join(folder, 'postgres'),
        secretsFolder: join(folder, 'secrets'),
        logger: silentLogger,
        settings: growthSettings,
      });
      const fresh = kept.url === null;
      const url = new URL(kept.url ?? (await server.createDatabase('growth')));
      url.port = String(server.port);
      kept.url = url.href;
      const pool = new pg.Pool({ connectionString: url.href, max: 2 });
      const urls = deriveConnectionUrls(url.href);
      if (fresh) {
        const rooms = ['db', 'crypto', 'audit'];
        await migrate(
          url.href,
          migrationSources.filter(({ room }) => rooms.includes(room)),
          roleSecrets(urls),
        );
        await pool.query('insert into db.tenant (id, slug, name) values ($1, $2, $3)', [
          kept.tenant,
          'growth',
          'Growth',
        ]);
      }
      const database = createDatabase({ urls, logger: silentLogger });
      return createHouse({ database, provider, pool, tenant: kept.tenant, stop: server.stop });
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  });
}

function createHouse(parts: {
  readonly database: Database;
  readonly provider: RootProvider;
  readonly pool: pg.Pool;
  readonly tenant: TenantId;
  readonly stop: () => Promise<void>;
}): GrowthHouse {
  const { database, provider, pool, tenant, stop } = parts;
  let now = new Date();
  const common = { database, newId, randomBytes: systemRandomBytes, logger: silentLogger };
  const crypto = createCrypto({
    ...common,
    clock: systemClock,
    root: provider,
    recordProviderCalls: false,
    audit: () => audit,
  });
  const audit: Audit = createAudit({
    ...common,
    clock: { now: () => now },
    crypto,
    originPrefix: 'bench.example/log',
    definitions: [...growthDefinitions, ...cryptoEvents],
  });
  return Object.freeze({
    audit,
    database,
    tenant,
    admin: (text: string, values: readonly unknown[] = []) => pool.query(text, [...values]),
    setTime: (at: Date) => void (now = at),
    close: async () => {
      await audit.stop();
      await crypto.stop();
      await database.close();
      await pool.end();
      await stop();
    },
  });
}
