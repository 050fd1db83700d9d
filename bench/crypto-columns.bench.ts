import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createColumnAdministration,
  createColumnMigrations,
  createCrypto,
  createLocalProvider,
  readColumnPhases,
} from '../crypto/index.ts';
import { createDataMapRegistry, loadDataMap } from '../datamap/index.ts';
import {
  createDatabase,
  deriveConnectionUrls,
  migrate,
  roleSecrets,
  startEmbeddedPostgres,
  withAdministrator,
  type Database,
} from '../db/index.ts';
import {
  parseTenantId,
  platformTenantId,
  Secret,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
} from '../kernel/index.ts';
import { createColumnTargets, migrationSources } from '../server/index.ts';
import type { BenchRow } from './row.ts';

/*
 * The backfill of one column beside a bare UPDATE of the same rows in batches of the same size and bytes: rows per second
 * of wall time, database included, and CPU of this process per row. One person has ten rows; one exact index. Limits: one
 * process, a database on the same machine without fsync.
 */
const rows = 30_000;
const batchSize = 500;
const tenantId = parseTenantId(platformTenantId);
const actor = { kind: 'system', id: 'bench', displayName: 'bench' } as const;
const newId = (): string => uuidv7(Date.now(), systemRandomBytes);
const none = async (): Promise<void> => undefined;
const audit = { append: none, record: none };

const table = `
  create schema bench_shop;
  create table bench_shop.person (tenant_id uuid not null, id integer not null, subject_id uuid not null, phone text, bare bytea, bare_index bytea,
    primary key (tenant_id, id));
  comment on table bench_shop.person is 'People of the bench';
  create index bare_waiting on bench_shop.person (tenant_id, id) where phone is not null and bare is null;
  create index bare_found on bench_shop.person (tenant_id, bare_index);
  call db.protect_tenant_table('bench_shop.person');
  grant usage on schema bench_shop to gatehouse_app;
  grant select, insert, update on bench_shop.person to gatehouse_app`;

const map = `
dataset:
  - fides_key: shop
    gatehouse: { kind: postgres, schema: bench_shop, region: eu, purposes: [{ key: support, name: Answering, legal_basis: contract }] }
    collections:
      - name: person
        gatehouse: { subject: { field: subject_id } }
        fields:
          - { name: id, fides_meta: { primary_key: true, data_type: integer }, gatehouse: { sensitivity: none } }
          - { name: subject_id, gatehouse: { type: uuid, nullable: false, sensitivity: none } }
          - name: phone
            data_categories: [user.contact.phone_number]
            gatehouse:
              encryption: { scope: subject, column: phone_ct1, indexes: [{ name: exact, kind: exact, normaliser: phone, column: phone_bidx, bits: 128 }] }
`;

/** Rows of the backfill. */
export async function bench(): Promise<readonly BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-bench-columns-'));
  await chmod(folder, 0o711);
  const server = await startEmbeddedPostgres({
    dataFolder: join(folder, 'postgres'),
    secretsFolder: join(folder, 'secrets'),
    logger: silentLogger,
    settings: ['fsync=off'],
  });
  try {
    const url = await server.createDatabase('bench');
    await migrate(url, migrationSources, roleSecrets(deriveConnectionUrls(url)));
    await withAdministrator(url, (admin) => admin.query(table));
    const database = createDatabase({ urls: deriveConnectionUrls(url), logger: silentLogger });
    try {
      return await measure(database, url, folder);
    } finally {
      await database.close();
    }
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

type Measured = { readonly perSecond: number; readonly cpuMicroseconds: number };

async function timed(work: () => Promise<unknown>): Promise<Measured> {
  globalThis.gc?.();
  const before = process.cpuUsage();
  const startedAt = performance.now();
  await work();
  const seconds = (performance.now() - startedAt) / 1_000;
  const used = process.cpuUsage(before);
  return { perSecond: Math.round(rows / seconds), cpuMicroseconds: (used.user + used.system) / rows };
}

async function measure(database: Database, adminUrl: string, folder: string): Promise<readonly BenchRow[]> {
  await database.withTenant(tenantId, (tx) =>
    tx.run({
      sql: `insert into bench_shop.person select $1, n, md5((n / 10)::text)::uuid, '+48 600 ' || n from generate_series(1, ${rows}) n`,
      parameters: [tenantId],
    }),
  );
  const root = await createLocalProvider({
    file: join(folder, 'root'),
    passphrase: new Secret('a passphrase for a bench only'),
    randomBytes: systemRandomBytes,
    costLog2: 14,
  });
  const crypto = createCrypto({
    database,
    root,
    audit: () => audit,
    clock: systemClock,
    randomBytes: systemRandomBytes,
    newId,
    logger: silentLogger,
  });
  const builtIn = loadDataMap([{ name: 'bench.yaml', yaml: map }]);
  const dataMap = createDataMapRegistry({
    database,
    builtIn,
    clock: systemClock,
    columnPhases: readColumnPhases,
  });
  const common = { database, targets: createColumnTargets(dataMap), announce: dataMap.announce, newId };
  const columns = createColumnMigrations({ ...common, crypto, audit: () => audit, clock: systemClock });
  const bare = await timed(() => bareUpdate(database));
  await createColumnAdministration({ ...common, adminUrl, columns, audit, actor }).start('shop.person.phone');
  const [migration] = await database.withTenant(tenantId, (tx) =>
    columns.list(tx, { after: null, limit: 1 }),
  );
  const id = migration?.id ?? '';
  const backfilled = await timed(() => columns.backfill(tenantId, id, { actor, batchSize }));
  const verified = await timed(() => columns.verify(tenantId, id, { actor, batchSize }));
  await crypto.stop();
  return [
    row(
      'backfill a column, wall, new key for every tenth row',
      'rows/s',
      backfilled.perSecond,
      bare.perSecond,
    ),
    row('backfill a column, CPU of this process', 'us', backfilled.cpuMicroseconds, bare.cpuMicroseconds),
    row('verify a column, wall', 'rows/s', verified.perSecond, null),
  ];
}

/** The same reading and writing with ready bytes: keyset batches, one statement each. */
async function bareUpdate(database: Database): Promise<void> {
  const ciphertext = systemRandomBytes(48);
  const index = systemRandomBytes(16);
  for (let after = 0; after < rows; after += batchSize) {
    await database.withTenant(tenantId, async (tx) => {
      const found = await tx.run<{ id: number }>({
        sql: `select id, subject_id, phone from bench_shop.person
          where tenant_id = $1 and phone is not null and bare is null and id > $2 order by id limit $3`,
        parameters: [tenantId, after, batchSize],
      });
      await tx.run({
        sql: `update bench_shop.person t set bare = g.c, bare_index = g.i from unnest($2::int[], $3::bytea[], $4::bytea[]) g(id, c, i)
          where t.tenant_id = $1 and t.id = g.id`,
        parameters: [
          tenantId,
          found.rows.map(({ id }) => id),
          found.rows.map(() => ciphertext),
          found.rows.map(() => index),
        ],
      });
    });
  }
}

function row(work: string, unit: string, ours: number, bare: number | null): BenchRow {
  const ratio = bare === null ? null : Math.round((ours / bare) * 1_000) / 1_000;
  const goal = 'for the record: a bare UPDATE of the same rows with ready bytes';
  return { work, unit, ours, bare, peers: {}, ratio, goal, holds: null };
}
