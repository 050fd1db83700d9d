import { createMongoAbility, subject } from '@casl/ability';
import { newEnforcer, newModelFromString } from 'casbin';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createDatabase,
  deriveConnectionUrls,
  migrate,
  roleSecrets,
  startEmbeddedPostgres,
  type Database,
} from '../db/index.ts';
import {
  parsePrincipalId,
  parseTenantId,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
  type Principal,
} from '../kernel/index.ts';
import { createPolicy, type CatalogField, type Policy, type PolicyRule } from '../policy/index.ts';
import { migrationSources } from '../server/migration-sources.ts';
import type { BenchRow } from './row.ts';

/*
 * Decisions per second in one process, one thread, everything cached, the same policy for each engine: one role, n rules
 * on n types, a condition on the row's region, the last rule asked for. `decide` is measured through its promise, as
 * callers await it; CASL's `can` is synchronous and tells neither the rule, nor rows, nor fields, nor obligations. casbin
 * runs its synchronous form. Per second of this process's CPU time, since the machine is shared; medians of five windows that take turns. Limits: one machine, one process; read the ratios.
 */
const windowMilliseconds = 200;
const windows = 5;
type Work = () => unknown;

/** Runs every comparison. */
export async function bench(): Promise<readonly BenchRow[]> {
  return withDatabase(async (database) => {
    const rows: BenchRow[] = [];
    for (const count of [10, 100, 1_000, 10_000]) rows.push(await compare(database, count));
    rows.push(...(await guarded(database)));
    return rows;
  });
}

const typeOf = (index: number): string => `own.type${index}`;
const fields: readonly CatalogField[] = [
  { name: 'region', column: 'region', type: 'text', filterable: true },
];
const rulesOf = (count: number): readonly PolicyRule[] =>
  Array.from({ length: count }, (_, index) => ({
    action: 'update',
    subject: typeOf(index),
    conditions: { region: 'PL' },
  }));

async function compare(database: Database, count: number): Promise<BenchRow> {
  const { policy, principal } = await houseWith(database, rulesOf(count), (type) =>
    type.startsWith('own.') ? fields : null,
  );
  const type = typeOf(count - 1);
  const properties = { region: 'PL' };
  const resource = { type, properties };
  const ability = createMongoAbility([...rulesOf(count)] as never[]); // the same rules; CASL's types want literals
  const row = subject(type, { ...properties });
  const casbin = await casbinWith(count);
  const works: Record<string, Work> = {
    ours: () => policy.decide(principal, 'update', resource),
    bare: () => ability.can('update', row),
    ...(casbin === null ? {} : { casbin: () => casbin.enforceSync('role', type, 'update', 'PL') }),
  };
  const perSecond = await race(works);
  const ours = perSecond['ours'] ?? 0;
  const bare = perSecond['bare'] ?? 0;
  const peer = perSecond['casbin'];
  const goal = count === 1_000 ? '>= 1,000,000/s and >= 100x casbin' : '>= 1,000,000/s';
  const holds = ours >= 1_000_000 && (count !== 1_000 || (peer !== undefined && ours >= 100 * peer));
  return {
    work: `decide on a row, cached, ${count} rules`,
    unit: 'decisions/s',
    ours,
    bare,
    peers: peer === undefined ? {} : { casbin: peer },
    ratio: ours / bare,
    goal,
    holds,
  };
}

/** What a guardrail costs where one applies, and what a list costs. */
async function guarded(database: Database): Promise<readonly BenchRow[]> {
  const { policy, principal } = await houseWith(
    database,
    [
      {
        action: 'read',
        subject: 'contacts.contact',
        fields: ['region'],
        conditions: { region: '${principal.attributes.region}' },
      },
    ],
    (type) => (type === 'contacts.contact' ? fields : null),
  );
  const context = { purpose: 'marketing' };
  const perSecond = await race({
    guarded: () => policy.decide(principal, 'read', { type: 'contacts.contact' }, context),
    route: () => policy.decide(principal, 'policy.permissions', { type: 'policy' }),
  });
  const ours = perSecond['guarded'] ?? 0;
  const route = perSecond['route'] ?? 0;
  return [
    {
      work: 'decide on a collection with one OPA evaluation',
      unit: 'decisions/s',
      ours,
      bare: null,
      peers: {},
      ratio: null,
      goal: '>= 150,000/s',
      holds: ours >= 150_000,
    },
    {
      work: 'decide on a route',
      unit: 'decisions/s',
      ours: route,
      bare: null,
      peers: {},
      ratio: null,
      goal: '>= 1,000,000/s',
      holds: route >= 1_000_000,
    },
  ];
}

async function houseWith(
  database: Database,
  rules: readonly PolicyRule[],
  fieldCatalog: (type: string) => readonly CatalogField[] | null,
): Promise<{ policy: Policy; principal: Principal }> {
  const tenantId = parseTenantId(uuidv7(Date.now(), systemRandomBytes));
  await database.withSystem((tx) =>
    tx.run({
      sql: `insert into db.tenant (id, slug, name) values ($1, $2, $2)`,
      parameters: [tenantId, `t${tenantId.slice(-12)}`],
    }),
  );
  const nothing = async (): Promise<void> => undefined;
  const policy = createPolicy({
    database,
    clock: systemClock,
    logger: silentLogger,
    fieldCatalog,
    audit: { append: nothing, record: nothing }, // decide itself records nothing
    newId: () => uuidv7(Date.now(), systemRandomBytes),
  });
  const perRole = 2_000;
  const names: string[] = [];
  await database.withTenant(tenantId, async (tx) => {
    for (let start = 0; start < rules.length; start += perRole) {
      names.push(`role-${start}`);
      await policy.installRole(tx, `role-${start}`, rules.slice(start, start + perRole));
    }
  });
  const principal: Principal = {
    kind: 'user',
    tenantId,
    id: parsePrincipalId(uuidv7(Date.now(), systemRandomBytes)),
    displayName: 'Bench',
    email: null,
    roles: Object.freeze(names),
    attributes: Object.freeze({ region: 'PL' }),
    assurance: { level: 2, authenticatedAt: new Date(), methods: ['otp'] },
    sessionId: null,
  };
  const first = await policy.decide(principal, 'policy.permissions', { type: 'policy' });
  if (!first.decision) throw new Error(`the bench's principal is denied: ${first.reasons[0]?.message ?? ''}`);
  return { policy, principal };
}

type Enforcer = { readonly enforceSync: (...values: unknown[]) => boolean };

/** casbin's own way to the same policy; left out at 10,000 rules, where one decision takes a blink. */
async function casbinWith(count: number): Promise<Enforcer | null> {
  if (count > 1_000) return null;
  const model = newModelFromString(`
[request_definition]
r = sub, obj, act, region
[policy_definition]
p = sub, obj, act, region
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && r.obj == p.obj && r.act == p.act && r.region == p.region
`);
  const enforcer = await newEnforcer(model);
  await enforcer.addPolicies(
    Array.from({ length: count }, (_, index) => ['role', typeOf(index), 'update', 'PL']),
  );
  return enforcer;
}

async function race(works: Readonly<Record<string, Work>>): Promise<Readonly<Record<string, number>>> {
  const seen: Record<string, number[]> = {};
  for (let window = 0; window <= windows; window += 1) {
    for (const [name, work] of Object.entries(works)) {
      const rate = await measure(work);
      if (window > 0) (seen[name] ??= []).push(rate); // the first window warms up
    }
  }
  return Object.fromEntries(
    Object.entries(seen).map(([name, rates]) => [
      name,
      rates.toSorted((a, b) => a - b)[Math.floor(rates.length / 2)] ?? 0,
    ]),
  );
}

async function measure(work: Work): Promise<number> {
  const until = performance.now() + windowMilliseconds;
  const before = process.cpuUsage();
  let count = 0;
  while (performance.now() < until) {
    for (let step = 0; step < 100; step += 1) {
      const result = work();
      if (result instanceof Promise) await result;
    }
    count += 100;
  }
  const { user, system } = process.cpuUsage(before);
  return Math.round((count * 1_000_000) / (user + system));
}

async function withDatabase<T>(work: (database: Database) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-bench-'));
  await chmod(folder, 0o711);
  const server = await startEmbeddedPostgres({
    dataFolder: join(folder, 'postgres'),
    secretsFolder: join(folder, 'secrets'),
    logger: silentLogger,
  });
  try {
    const urls = deriveConnectionUrls(await server.createDatabase('gatehouse'));
    await migrate(urls.admin ?? urls.app, migrationSources, roleSecrets(urls));
    const database = createDatabase({ urls, logger: silentLogger });
    const result = await work(database);
    await database.close();
    return result;
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
