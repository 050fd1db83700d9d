import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { TenantId } from '../../kernel/index.ts';
import { queryBuilder } from '../../db/index.ts';
import { compileRowFilter, type CatalogField, type Policy, type PolicyRule } from '../../policy/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestHttp, createTestPolicy, person } from './support.ts';

const types: Readonly<Record<string, string>> = {
  t: 'text',
  n: 'integer',
  x: 'numeric',
  b: 'boolean',
  u: 'uuid',
  s: 'timestamptz',
  d: 'date',
  j: 'json',
  g: 'text[]',
};
const fields: readonly CatalogField[] = Object.entries(types).map(([name, type]) => ({
  name,
  column: name,
  type,
  filterable: true,
}));

const uuids = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000B'];
const texts = ['', 'a', 'b', 'Z', 'ą', "it's", '%', '\ud83d\ude00', '\uffee', 'PL'];
const numbers = [-1, 0, 1, 2, 1000];
const instants = ['2024-01-01T00:00:00.000Z', '2024-01-01T00:00:00.001Z', '2025-06-01T12:00:00.000Z'];
const pools: Readonly<Record<string, readonly unknown[]>> = {
  t: texts,
  n: numbers,
  x: [...numbers, 0.1, 2.5, -0.25],
  b: [true, false],
  u: uuids,
  s: instants,
  d: ['2024-01-01', '2024-02-29', '0999-12-31'],
  j: ['a', 'PL', 1, 2.5, true, '\uffee'],
  g: texts,
};
// What only a row can hold: microseconds, nested JSON.
const rowPools: Readonly<Record<string, readonly unknown[]>> = {
  ...pools,
  s: [...instants, '2024-01-01T00:00:00.000500Z', '2024-01-01T00:00:00.000999Z'],
  j: [
    '"a"',
    '1',
    '2.5',
    'true',
    'null',
    '{}',
    '[]',
    '["a",1]',
    '[["a"]]',
    '[null]',
    '{"k":"a"}',
    '{"k":1}',
    '{"k":null}',
    '{"k":["PL","b"]}',
    '{"k":{"m":"a"}}',
    '{"k":{"m":1}}',
    '{"k":[{"m":"a"}]}',
  ],
  g: [[], ['a'], ['a', 'PL'], ['\ud83d\ude00'], ['']],
};

const keyOf = fc.constantFrom('t', 'n', 'x', 'b', 'u', 's', 'd', 'j', 'j.k', 'j.k.m', 'g');
const poolOf = (key: string): readonly unknown[] => pools[key.split('.')[0] ?? ''] ?? [];
const ordered = (key: string): readonly unknown[] =>
  poolOf(key).filter((value) => typeof value !== 'boolean');

const operators = (key: string): fc.Arbitrary<unknown> => {
  const value = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...poolOf(key)) },
    { weight: 1, arbitrary: fc.constant(null) },
  );
  const many = fc.array(value, { maxLength: 3 });
  const atoms: fc.Arbitrary<object>[] = [
    value.map((operand) => ({ $eq: operand })),
    value.map((operand) => ({ $ne: operand })),
    many.map((operand) => ({ $in: operand })),
    many.map((operand) => ({ $nin: operand })),
    fc.boolean().map((operand) => ({ $exists: operand })),
    value.map((operand) => ({ $not: { $eq: operand } })),
  ];
  if (!['b', 'u', 'g'].includes(key)) {
    const bound = fc.constantFrom(...ordered(key));
    for (const operator of ['$lt', '$lte', '$gt', '$gte'])
      atoms.push(bound.map((operand) => ({ [operator]: operand })));
    atoms.push(fc.tuple(bound, bound).map(([low, high]) => ({ $gte: low, $lt: high })));
    atoms.push(bound.map((operand) => ({ $not: { $gt: operand } })));
  }
  return fc.oneof(value, ...atoms);
};
const atom = keyOf.chain((key) => operators(key).map((operand) => ({ [key]: operand })));
const { condition } = fc.letrec<{ condition: object }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'condition' },
    { weight: 4, arbitrary: atom },
    { weight: 1, arbitrary: fc.tuple(atom, atom).map(([one, two]) => ({ ...one, ...two })) },
    ...['$and', '$or', '$nor'].map((operator) => ({
      weight: 1,
      arbitrary: fc.array(tie('condition'), { maxLength: 3 }).map((parts) => ({ [operator]: parts })),
    })),
    { weight: 1, arbitrary: tie('condition').map((part) => ({ $not: part })) },
  ),
}));
const rule: fc.Arbitrary<PolicyRule> = fc
  .record(
    {
      action: fc.constantFrom('read', 'manage'),
      subject: fc.constantFrom(...Array.from({ length: 15 }, () => 'item'), 'all'),
      conditions: fc.option(condition, { freq: 12, nil: {} }),
      inverted: fc.boolean(),
    },
    { requiredKeys: ['action', 'subject', 'conditions'] },
  )
  .map((candidate) =>
    candidate.subject === 'all'
      ? {
          action: candidate.action,
          subject: 'all',
          inverted: candidate.inverted === true && candidate.action === 'read',
        }
      : candidate,
  );
const row = fc.record(
  Object.fromEntries(
    Object.keys(types).map((name) => [
      name,
      fc.option(fc.constantFrom(...(rowPools[name] ?? [])), { freq: 3 }),
    ]),
  ),
);

let db: TestDatabase;
let tenant: TenantId;
let policy: Policy;
let app: FastifyInstance;
beforeAll(async () => {
  db = await createTestDatabase();
  tenant = await db.createTenant();
  policy = createTestPolicy(db, { fieldCatalog: () => null }).policy;
  app = await createTestHttp(policy, { gateway: person(tenant, { roles: ['pep'] }) });
  await db.database.withTenant(tenant, async (tx) => {
    const by = { actor: { kind: 'system', id: 'test', displayName: 'test' } } as const;
    await policy.installRole(tx, 'pep', [{ action: 'policy.evaluate', subject: 'policy' }]);
    await policy.administration.putResourceType(
      tx,
      'item',
      fields.map(({ name, type }) => ({ name, type })),
      by,
    );
    await policy.administration.putRole(tx, 'random', { description: '', rules: [], builtIn: false }, by);
    await policy.administration.putSubject(
      tx,
      { type: 'user', id: 'random', properties: {}, roles: ['random'] },
      by,
    );
  });
  await db.admin(
    'create table public.item (id integer, t text, n integer, x numeric, b boolean, u uuid, s timestamptz, d date, j jsonb, g text[])',
  );
});
afterAll(async () => {
  await app.close();
  await db.close();
});

test('for random rules and rows with NULLs, memory, SQL and AuthZEN always agree', async () => {
  const seen = { permitted: 0, denied: 0, filters: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(rule, { minLength: 1, maxLength: 4 }),
      fc.array(row, { minLength: 8, maxLength: 40 }),
      async (rules, rows) => {
        await install(rules);
        await fill(rows);
        const principal = person(tenant, { roles: ['random'] });
        const overall = await policy.decide(principal, 'read', { type: 'item' });
        if (overall.rowFilter.kind === 'condition') seen.filters += 1;
        const filter = queryBuilder
          .selectFrom('item as i')
          .select('i.id')
          .where(compileRowFilter(overall.rowFilter, { fields, table: 'i' }))
          .compile();
        const bySql = new Set(
          (await db.admin(filter.sql, filter.parameters)).rows.map(({ id }) => Number(id)),
        );
        const stored = (
          await db.admin('select id, t, n, x, b, u, s, d::text as d, j, g from public.item order by id')
        ).rows as Record<string, unknown>[];
        const byMemory = await Promise.all(
          stored.map(({ id: _id, ...properties }) =>
            policy.decide(principal, 'read', { type: 'item', properties }),
          ),
        );
        const byAuthzen = await authzen(stored);
        stored.forEach(({ id }, index) => {
          const expected = bySql.has(Number(id));
          expect({ id, memory: byMemory[index]?.decision, authzen: byAuthzen[index] }).toEqual({
            id,
            memory: expected,
            authzen: expected,
          });
          seen[expected ? 'permitted' : 'denied'] += 1;
        });
        // The type as a whole is permitted unless no row can be.
        expect(overall.decision).toBe(overall.rowFilter.kind !== 'none');
      },
    ),
    { numRuns: Number(process.env['GATEHOUSE_PROPERTY_RUNS'] ?? 150) },
  );
  // The generator must not have run dry.
  expect(Math.min(seen.permitted, seen.denied, seen.filters)).toBeGreaterThan(20);
}, 120_000);

async function install(rules: readonly PolicyRule[]): Promise<void> {
  const by = { actor: { kind: 'system', id: 'test', displayName: 'test' } } as const;
  await db.database.withTenant(tenant, (tx) =>
    policy.administration.putRole(tx, 'random', { description: '', rules, builtIn: false }, by),
  );
}

async function fill(rows: readonly Record<string, unknown>[]): Promise<void> {
  await db.admin('truncate public.item');
  const list = rows.map((values, id) => ({
    id,
    ...values,
    j: typeof values['j'] === 'string' ? (JSON.parse(values['j']) as unknown) : null,
  }));
  // The key is left out where the value is null, so that JSON null and SQL NULL both occur.
  const text = JSON.stringify(
    list.map((item, index) =>
      Object.fromEntries(
        Object.entries(item).filter(([name]) => name !== 'j' || rows[index]?.['j'] !== null),
      ),
    ),
  );
  await db.admin(
    'insert into public.item select * from jsonb_to_recordset($1::jsonb) as r(id integer, t text, n integer, x numeric, b boolean, u uuid, s timestamptz, d date, j jsonb, g text[])',
    [text],
  );
}

async function authzen(rows: readonly Record<string, unknown>[]): Promise<readonly boolean[]> {
  const payload = {
    subject: { type: 'user', id: 'random' },
    action: { name: 'read' },
    evaluations: rows.map(({ id, ...properties }) => ({
      resource: { type: 'item', id: String(id), properties },
    })),
  };
  const response = await app.inject({
    method: 'POST',
    url: '/access/v1/evaluations',
    headers: { authorization: 'Bearer gateway' },
    payload,
  });
  return response
    .json<{ evaluations: { decision: boolean }[] }>()
    .evaluations.map(({ decision }) => decision);
}
