import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { createAudit, type Audit } from '../audit/index.ts';
import { createCrypto, createLocalProvider, cryptoEvents, type Crypto } from '../crypto/index.ts';
import {
  createDatabase,
  deriveConnectionUrls,
  migrate,
  roleSecrets,
  startEmbeddedPostgres,
  type Database,
} from '../db/index.ts';
import { createDsr, dsrEvents, type CreateDsrDeps, type Dsr } from '../dsr/index.ts';
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

/** The rooms that an erasure needs, on a database of their own. */
export type House = {
  readonly database: Database;
  readonly crypto: Crypto;
  readonly audit: Audit;
  readonly dsr: Dsr;
  readonly admin: pg.Pool;
  readonly tenantId: TenantId;
};

/** Starts a database of its own, and removes everything afterwards. */
export async function withBenchHouse<T>(
  dataMap: CreateDsrDeps['dataMap'],
  work: (house: House) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-bench-dsr-'));
  await chmod(folder, 0o711);
  const server = await startEmbeddedPostgres({
    dataFolder: join(folder, 'postgres'),
    secretsFolder: join(folder, 'secrets'),
    logger: silentLogger,
    settings: ['shared_buffers=512MB', 'max_wal_size=4GB'],
  });
  try {
    const url = await server.createDatabase('bench');
    await migrate(url, migrationSources, roleSecrets(deriveConnectionUrls(url)));
    return await withHouse(url, { folder, dataMap }, work);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function withHouse<T>(
  url: string,
  { folder, dataMap }: { readonly folder: string; readonly dataMap: CreateDsrDeps['dataMap'] },
  work: (house: House) => Promise<T>,
): Promise<T> {
  const admin = new pg.Pool({ connectionString: url, max: 2 });
  admin.on('error', () => undefined); // idle connections end with the server
  const tenantId = parseTenantId(randomUUID());
  await admin.query(`insert into db.tenant (id, slug, name) values ($1, 'bench', 'Bench')`, [tenantId]);
  const database = createDatabase({ urls: deriveConnectionUrls(url), logger: silentLogger });
  const root = await createLocalProvider({
    file: join(folder, 'secrets', 'root.json'),
    passphrase: new Secret('a passphrase for the bench'),
    randomBytes: systemRandomBytes,
    costLog2: 14,
  });
  const shared = {
    database,
    clock: systemClock,
    randomBytes: systemRandomBytes,
    newId: () => uuidv7(Date.now(), systemRandomBytes),
    logger: silentLogger,
  };
  const crypto: Crypto = createCrypto({ ...shared, root, audit: () => audit });
  const audit: Audit = createAudit({
    ...shared,
    crypto,
    originPrefix: 'gatehouse.bench/log',
    definitions: [...cryptoEvents, ...dsrEvents],
  });
  await audit.start();
  const dsr = createDsr({
    ...shared,
    crypto,
    audit,
    dataMap,
    mailer: { send: () => Promise.resolve() },
    publicUrl: 'https://gatehouse.bench',
  });
  try {
    return await work({ database, crypto, audit, dsr, admin, tenantId });
  } finally {
    await audit.stop();
    await crypto.stop();
    await database.close();
    await admin.end();
  }
}
