import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { auditEvents, createAudit } from '../audit/index.ts';
import { createCrypto, createLocalProvider, cryptoEvents } from '../crypto/index.ts';
import { createDataMapRegistry, dataMapEvents, fieldCatalog } from '../datamap/index.ts';
import {
  createDatabase,
  deriveConnectionUrls,
  migrate,
  roleSecrets,
  startEmbeddedPostgres,
} from '../db/index.ts';
import { loadBuiltInDataMap, loadCatalogDataMap } from '../examples/marketing/data-map.ts';
import { generateMarketingData } from '../examples/marketing/generate.ts';
import { marketingRoles } from '../examples/marketing/roles.ts';
import { createGateway, gatewayEvents } from '../gateway/index.ts';
import {
  parsePrincipalId,
  parseTenantId,
  Secret,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
  type Principal,
} from '../kernel/index.ts';
import { compileRowFilter, createPolicy, policyEvents } from '../policy/index.ts';
import { migrationSources } from '../server/migration-sources.ts';
import type { BenchRow } from './row.ts';

/*
 * A page of 50 contacts with three encrypted fields through the gateway's handler: decision, row filter, opening, and the
 * record in the signed log before the answer. Against the same columns and rows by a bare pg pool in the same run. Both
 * with 32 callers at once, windows in turns, median. Limits: no HTTP on either side; PostgreSQL, log and callers share
 * the machine; fsync is on.
 */
const callers = 32;
const windowMilliseconds = 1_500;
const windows = 5;
const people = 2_000;
const tenantId = parseTenantId('01936d1c-0000-7000-8000-000000000042');
const fields = 'id,region,lifecycle,email,first_name,last_name';
const newId = (): string => uuidv7(Date.now(), systemRandomBytes);

type Work = () => Promise<unknown>;

async function pagesPerSecond(work: Work): Promise<number> {
  const startedAt = performance.now();
  let pages = 0;
  const caller = async (): Promise<void> => {
    while (performance.now() - startedAt < windowMilliseconds) {
      await work();
      pages += 1;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return (pages / (performance.now() - startedAt)) * 1_000;
}

async function inTurns(works: readonly Work[]): Promise<readonly number[]> {
  const samples: number[][] = works.map(() => []);
  for (let turn = 0; turn <= windows; turn += 1) {
    for (const [index, work] of works.entries()) {
      const value = await pagesPerSecond(work);
      if (turn > 0) samples[index]?.push(value); // the first turn warms up
    }
  }
  return samples.map((values) =>
    Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0),
  );
}

/** Ratios of the gateway's goals. */
export async function bench(): Promise<readonly BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-bench-gateway-'));
  await chmod(folder, 0o711);
  const server = await startEmbeddedPostgres({
    dataFolder: join(folder, 'postgres'),
    secretsFolder: join(folder, 'secrets'),
    logger: silentLogger,
  });
  try {
    const url = await server.createDatabase('bench');
    await migrate(url, migrationSources, roleSecrets(deriveConnectionUrls(url)));
    return await measure(url, join(folder, 'root'));
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function openRooms(url: string, rootFile: string) {
  const database = createDatabase({ urls: deriveConnectionUrls(url), logger: silentLogger });
  const shared = {
    database,
    clock: systemClock,
    newId,
    randomBytes: systemRandomBytes,
    logger: silentLogger,
  };
  const passphrase = new Secret('a passphrase for a bench only');
  const root = await createLocalProvider({
    file: rootFile,
    passphrase,
    randomBytes: systemRandomBytes,
    costLog2: 14,
  });
  const definitions = [...cryptoEvents, ...dataMapEvents, ...auditEvents, ...policyEvents, ...gatewayEvents];
  const crypto = createCrypto({ ...shared, root, audit: () => audit });
  const audit: ReturnType<typeof createAudit> = createAudit({
    ...shared,
    crypto,
    originPrefix: 'gatehouse.bench/log',
    definitions,
  });
  const dataMap = createDataMapRegistry({ database, builtIn: loadBuiltInDataMap(), clock: systemClock });
  const catalog = loadCatalogDataMap();
  const policy = createPolicy({
    ...shared,
    audit,
    fieldCatalog: (type) => fieldCatalog(catalog, type),
    resourceFacts: () => ({ personal: true, purposes: ['marketing', 'support', 'compliance'] }),
  });
  const deps = { ...shared, crypto, dataMap, policy: { decide: policy.decide, compileRowFilter } };
  const suppression = { isSuppressed: async () => null };
  const unrecorded = { append: async () => undefined, record: async () => undefined };
  return {
    ...shared,
    crypto,
    audit,
    policy,
    recorded: createGateway({ ...deps, audit, suppression }),
    unrecorded: createGateway({ ...deps, audit: unrecorded, suppression }),
  };
}

async function measure(url: string, rootFile: string): Promise<readonly BenchRow[]> {
  const rooms = await openRooms(url, rootFile);
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  pool.on('error', () => undefined); // the server stops while connections are still closing
  try {
    await pool.query(`insert into db.tenant (id, slug, name) values ($1, 'bench', 'Bench')`, [tenantId]);
    await rooms.audit.start();
    await rooms.crypto.warm(tenantId);
    await rooms.audit.ensureLog(tenantId);
    await rooms.database.withTenant(tenantId, (tx) => rooms.policy.installDefaultRoles(tx, marketingRoles));
    await generateMarketingData({ ...rooms, tenantId, contacts: people, seed: 'bench' });
    await pool.query('analyze');
    const [withRecord = 0, withoutRecord = 0, bare = 0] = await inTurns([
      () => page(rooms.recorded),
      () => page(rooms.unrecorded),
      () => barePage(pool),
    ]);
    const row = (work: string, ours: number, judged: boolean): BenchRow => ({
      work,
      unit: 'pages/s',
      ours,
      bare,
      peers: {},
      ratio: Math.round((ours / bare) * 1_000) / 1_000,
      goal: judged ? '>= 0.5 of bare pg, recording included' : 'for the record: the log left out',
      holds: judged ? ours / bare >= 0.5 : null,
    });
    return [
      row('page of 50, 3 encrypted fields, recorded', withRecord, true),
      row('page of 50, 3 encrypted fields, not recorded', withoutRecord, false),
    ];
  } finally {
    await rooms.policy.stop();
    await rooms.audit.stop();
    await rooms.crypto.stop();
    await rooms.database.close();
    await pool.end();
  }
}

const dpo: Principal = {
  kind: 'user',
  tenantId,
  id: parsePrincipalId('01936d1c-0000-7000-8000-0000000000d0'),
  displayName: 'dpo',
  email: null,
  roles: ['dpo'],
  attributes: { region: 'emea' },
  assurance: { level: 2, authenticatedAt: new Date(), methods: ['pwd', 'otp'] },
  sessionId: null,
};

async function page(gateway: ReturnType<typeof createGateway>): Promise<void> {
  const route = gateway.routes.find(({ operationId }) => operationId === 'listRecords');
  const answer = await route?.handler({
    params: { service: 'contacts', collection: 'contact' },
    query: { fields },
    body: undefined,
    principal: dpo,
    call: { requestId: newId(), traceparent: null, origin: { ip: null, userAgent: null, service: 'bench' } },
    headers: { 'gatehouse-purpose': 'compliance' },
    idempotencyKey: null,
    signal: new AbortController().signal,
  });
  if (answer === undefined) throw new Error('the gateway has no such route');
  const { items } = answer.body as { items: readonly { email?: unknown }[] }; // the list response's shape
  if (items.length !== 50 || typeof items[0]?.email !== 'string')
    throw new Error('the page is not what is measured');
}

async function barePage(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query(
    `select id, subject_id, region, lifecycle, email, first_name, last_name from marketing_contacts.contact
     where tenant_id = $1 order by id limit 51`,
    [tenantId],
  );
  if (rows.length !== 51) throw new Error('the page is not what is measured');
}
