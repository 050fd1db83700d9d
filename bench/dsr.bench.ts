// Erases one person among many, end to end: plan, erase, scan for what is left, destroy the key, sign the certificate.
// Bare is the same deletes for another person in one transaction, by plain SQL as the same database role. Approval and the
// waiting of people are left out. Above 4,096 pages the absence scan before the certificate asks indexes only; the scan of
// every text column is measured on a row of its own. GATEHOUSE_BENCH_CONTACTS lowers the million.
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { createAudit, type Audit } from '../audit/index.ts';
import { createCrypto, createLocalProvider, cryptoEvents, type Crypto } from '../crypto/index.ts';
import { encryptionPlan } from '../datamap/index.ts';
import {
  createDatabase,
  deriveConnectionUrls,
  migrate,
  roleSecrets,
  startEmbeddedPostgres,
  type Database,
} from '../db/index.ts';
import { createDsr, dsrEvents, type Dsr } from '../dsr/index.ts';
import { loadBuiltInDataMap } from '../examples/marketing/data-map.ts';
import { generateMarketingData } from '../examples/marketing/generate.ts';
import {
  parsePrincipalId,
  parseTenantId,
  Secret,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
  type Principal,
  type TenantId,
} from '../kernel/index.ts';
import { migrationSources } from '../server/migration-sources.ts';
import type { BenchRow } from './row.ts';

const rounds = 15;
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const milliseconds = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};

type House = {
  readonly database: Database;
  readonly crypto: Crypto;
  readonly audit: Audit;
  readonly dsr: Dsr;
  readonly admin: pg.Pool;
  readonly tenantId: TenantId;
};

/** Starts a database of its own, fills it, measures, and removes everything. */
export async function bench(): Promise<readonly BenchRow[]> {
  const contacts = Number(process.env['GATEHOUSE_BENCH_CONTACTS'] ?? 1_000_000);
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
    return await withHouse(url, folder, (house) => measure(house, contacts));
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function withHouse<T>(url: string, folder: string, work: (house: House) => Promise<T>): Promise<T> {
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
    dataMap: loadBuiltInDataMap(),
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

async function measure(house: House, contacts: number): Promise<readonly BenchRow[]> {
  await generateMarketingData({
    database: house.database,
    crypto: house.crypto,
    tenantId: house.tenantId,
    contacts,
    seed: 'bench',
  });
  await house.admin.query('vacuum analyze');
  const { rows: people } = await house.admin.query<{ id: string; subject_id: string }>(
    `select id, subject_id from marketing_contacts.contact order by md5(id::text) limit $1`,
    [2 * rounds + 4],
  );
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = -2; round < rounds; round += 1) {
    const [mine, other] = [people.pop(), people.pop()];
    if (mine === undefined || other === undefined)
      throw new Error(`${contacts} contacts are too few for ${rounds} rounds`);
    const erased = await eraseThroughHouse(house, await emailOf(house, mine.id));
    const plain = await milliseconds(() => eraseBare(house, other));
    // The first two rounds warm caches and connections.
    if (round < 0) continue;
    ours.push(erased);
    bare.push(plain);
  }
  const ratio = median(ours) / median(bare);
  const fullScan = await runDeferredScan(house);
  return [
    {
      work: `plan + erase + verify (indexed) + shred + certificate of one person among ${contacts.toLocaleString('en')} contacts`,
      unit: 'ms',
      ours: median(ours),
      bare: median(bare),
      peers: {},
      ratio,
      goal: '<= 5x of the same deletes by bare SQL, and < 100 ms',
      holds: ratio <= 5 && median(ours) < 100,
    },
    {
      work: `scan of every text, JSON and bytea column of the tenant after it, ${contacts.toLocaleString('en')} contacts`,
      unit: 'ms',
      ours: fullScan,
      bare: null,
      peers: {},
      ratio: null,
      goal: 'off the hot path',
      holds: null,
    },
  ];
}

async function emailOf({ database, crypto, tenantId }: House, id: string): Promise<string> {
  const collection = loadBuiltInDataMap().collection('contacts.contact');
  if (collection === null) throw new Error('the contacts are not mapped');
  return database.withTenant(tenantId, async (tx) => {
    const { rows } = await tx.run({
      sql: 'select * from marketing_contacts.contact where id = $1',
      parameters: [id],
    });
    return String((await crypto.openRows(tx, encryptionPlan(collection), rows, ['email']))[0]?.['email']);
  });
}

async function callRoute(
  { dsr }: House,
  operationId: string,
  input: { readonly principal?: Principal; readonly params?: unknown; readonly body?: unknown },
): Promise<unknown> {
  const route = dsr.routes.find((one) => one.operationId === operationId);
  if (route === undefined) throw new Error(`no route ${operationId}`);
  const call = {
    requestId: 'bench',
    traceparent: null,
    origin: { ip: null, userAgent: null, service: 'bench' },
  };
  const answer = await route.handler({
    params: input.params,
    query: {},
    body: input.body,
    principal: input.principal ?? null,
    call,
    headers: {},
    idempotencyKey: null,
    signal: new AbortController().signal,
  });
  return answer.body;
}

function staff(tenantId: TenantId): Principal {
  return {
    kind: 'user',
    tenantId,
    id: parsePrincipalId(randomUUID()),
    displayName: 'Bench',
    email: null,
    roles: [],
    attributes: {},
    assurance: { level: 2, authenticatedAt: new Date(), methods: ['otp'] },
    sessionId: null,
  };
}

/** @returns milliseconds of planning and of execution until the certificate stands; entry and approval are not counted */
async function eraseThroughHouse(house: House, email: string): Promise<number> {
  const [planner, approver] = [staff(house.tenantId), staff(house.tenantId)];
  const entry = { type: 'erasure', law: 'gdpr', email, language: 'en', identity: { method: 'bench' } };
  const { id } = (await callRoute(house, 'createDsrRequest', { principal: planner, body: entry })) as {
    id: string;
  };
  let planHash = '';
  const planning = await milliseconds(async () => {
    planHash = (
      (await callRoute(house, 'planDsrRequest', { principal: planner, params: { id } })) as {
        plan: { hash: string };
      }
    ).plan.hash;
  });
  await callRoute(house, 'approveDsrPlan', { principal: approver, params: { id }, body: { planHash } });
  let outcome: { state: string; certificate: unknown } = { state: '', certificate: null };
  const executing = await milliseconds(async () => {
    outcome = (await callRoute(house, 'executeDsrRequest', {
      principal: planner,
      params: { id },
    })) as typeof outcome; // the route's own shape
  });
  if (outcome.state !== 'completed' || outcome.certificate === null)
    throw new Error(`the erasure ended as ${outcome.state}`);
  return planning + executing;
}

/** The worker's next turn reads everything for every erasure of this run; the time is that of one. */
async function runDeferredScan(house: House): Promise<number> {
  const { rows } = await house.admin.query<{ waiting: number }>(
    `select count(*)::integer as waiting from dsr.request where full_scan = 'deferred'`,
  );
  const total = await milliseconds(() => house.dsr.worker.tick());
  return total / Math.max(1, rows[0]?.waiting ?? 1);
}

async function eraseBare(
  { database, tenantId }: House,
  person: { readonly id: string; readonly subject_id: string },
): Promise<void> {
  await database.withTenant(tenantId, async (tx) => {
    const run = (text: string, value: string) => tx.run({ sql: text, parameters: [value] });
    await run('delete from marketing_campaigns.audience_member where contact_id = $1', person.id);
    await run('delete from marketing_engagement.event where subject_id = $1', person.subject_id);
    await run('delete from marketing_contacts.consent where subject_id = $1', person.subject_id);
    await run('delete from marketing_contacts.contact where subject_id = $1', person.subject_id);
  });
}
