// Erases one person among many, end to end: plan, erase, scan for what is left, destroy the key, sign the certificate.
// Bare is the same deletes of another person in one transaction of the same database and role, prepared as ours are, with
// the log idle. It is measured with the seven tables of the marketing services (some 10 rows of the person) and with 33
// tables (some 60 rows); the 26 more hold 20,000 rows of strangers each. Approval and the waiting of people are left out;
// the answers of the two routes, with the whole request, are not. Above 4,096 pages the absence scan before the certificate
// asks indexes only; the scan of every text column is a row of its own. GATEHOUSE_BENCH_CONTACTS lowers the million.
import { randomUUID } from 'node:crypto';
import { encryptionPlan, joinDataMaps } from '../datamap/index.ts';
import { statement } from '../db/index.ts';
import { loadBuiltInDataMap } from '../examples/marketing/data-map.ts';
import { generateMarketingData } from '../examples/marketing/generate.ts';
import { parsePrincipalId, type Principal, type TenantId } from '../kernel/index.ts';
import { withBenchHouse, type House } from './dsr-house.ts';
import { fillWideTables, wideDataMap, wideTableNames } from './dsr-wide.ts';
import type { BenchRow } from './row.ts';

const rounds = 15;
const marketingTables = 7;
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const milliseconds = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};

/** Two runs on one database: the marketing services as they are, then with 26 tables more. */
export async function bench(): Promise<readonly BenchRow[]> {
  const contacts = Number(process.env['GATEHOUSE_BENCH_CONTACTS'] ?? 1_000_000);
  const narrow = loadBuiltInDataMap();
  const wide = joinDataMaps([narrow, wideDataMap()]);
  const maps = { current: narrow };
  return withBenchHouse({ forTenant: () => Promise.resolve(maps.current) }, async (house) => {
    await generateMarketingData({
      database: house.database,
      crypto: house.crypto,
      tenantId: house.tenantId,
      contacts,
      seed: 'bench',
    });
    const people = await choosePeople(house, 4 * rounds + 8);
    await house.admin.query('vacuum analyze');
    const rows = [await measure(house, { people, contacts, tables: [] })];
    const fullScan = await runDeferredScan(house);
    await fillWideTables(house.admin, house.tenantId, people);
    await house.admin.query('vacuum analyze');
    maps.current = wide;
    rows.push(await measure(house, { people, contacts, tables: wideTableNames }));
    return [
      ...rows,
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
  });
}

type Person = { readonly id: string; readonly subject_id: string };

async function choosePeople({ admin }: House, count: number): Promise<Person[]> {
  const { rows } = await admin.query<Person>(
    `select id, subject_id from marketing_contacts.contact order by md5(id::text) limit $1`,
    [count],
  );
  if (rows.length < count) throw new Error(`at least ${count} contacts are needed`);
  return rows;
}

async function measure(
  house: House,
  input: {
    readonly people: Person[];
    readonly contacts: number;
    /** Tables beside those of the marketing services. */
    readonly tables: readonly string[];
  },
): Promise<BenchRow> {
  const deletes = bareDeletes(input.tables);
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = -2; round < rounds; round += 1) {
    const [mine, other] = [input.people.pop(), input.people.pop()];
    if (mine === undefined || other === undefined) throw new Error('too few people were chosen');
    const erased = await eraseThroughHouse(house, await emailOf(house, mine.id));
    await house.audit.flush(); // what the log still writes must not slow the reference down
    const plain = await milliseconds(() => eraseBare(house, deletes, other));
    // The first two rounds warm caches and connections.
    if (round < 0) continue;
    ours.push(erased);
    bare.push(plain);
  }
  const ratio = median(ours) / median(bare);
  const tables = marketingTables + input.tables.length;
  return {
    work: `plan + erase + verify (indexed) + shred + certificate of one person: ${tables} tables, ${input.contacts.toLocaleString('en')} contacts`,
    unit: 'ms',
    ours: median(ours),
    bare: median(bare),
    peers: {},
    ratio,
    goal: '<= 5x of the same deletes by bare SQL, and < 100 ms',
    holds: ratio <= 5 && median(ours) < 100,
  };
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

type Delete = { readonly by: keyof Person; readonly statement: ReturnType<typeof statement> };

/** The deletes of the plan in its order, prepared once per connection like ours. */
function bareDeletes(tables: readonly string[]): readonly Delete[] {
  const one = (table: string, by: keyof Person, column: string): Delete => ({
    by,
    statement: statement(
      `bench.delete_${table.replace('.', '_')}`,
      `delete from ${table} where ${column} = $1`,
    ),
  });
  return [
    ...tables.map((table) => one(table, 'subject_id', 'subject_id')),
    one('marketing_campaigns.audience_member', 'id', 'contact_id'),
    one('marketing_engagement.event', 'subject_id', 'subject_id'),
    one('marketing_contacts.consent', 'subject_id', 'subject_id'),
    one('marketing_contacts.contact', 'subject_id', 'subject_id'),
  ];
}

async function eraseBare(
  { database, tenantId }: House,
  deletes: readonly Delete[],
  person: Person,
): Promise<void> {
  await database.withTenant(tenantId, async (tx) => {
    for (const one of deletes) await tx.query(one.statement, [person[one.by]]);
  });
}
