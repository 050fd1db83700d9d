import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createMongoAbility } from '@casl/ability';
import type { TenantId } from '../../kernel/index.ts';
import { compileRowFilter, ruleSchema, type Policy, type PolicyRule } from '../../policy/index.ts';
import { queryBuilder } from '../../db/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { contactFields, createTestPolicy, person } from '../policy/support.ts';

let db: TestDatabase;
let tenant: TenantId;
let policy: Policy;
beforeAll(async () => {
  db = await createTestDatabase();
  tenant = await db.createTenant();
  policy = createTestPolicy(db).policy;
});
afterAll(() => db.close());

const install = (name: string, rules: readonly PolicyRule[]): Promise<void> =>
  db.database.withTenant(tenant, (tx) => policy.installRole(tx, name, rules));
/** Writes rules past every check, as a hole in the API or a restored backup might. */
const plant = (name: string, rules: readonly unknown[]): Promise<unknown> =>
  db.admin(
    `insert into policy.role (tenant_id, name, description, rules, updated_at) values ($1, $2, '', $3::jsonb, now())`,
    [tenant, name, JSON.stringify(rules)],
  );
const decide = async (
  role: string,
  type: string,
  properties?: Record<string, unknown>,
  action = 'update',
): Promise<boolean> =>
  (
    await policy.decide(person(tenant, { roles: [role] }), action, {
      type,
      ...(properties === undefined ? {} : { properties }),
    })
  ).decision;

describe('subject spoofing', () => {
  const bodies: readonly (readonly [string, Record<string, unknown>])[] = [
    ['__caslSubjectType__', JSON.parse('{"__caslSubjectType__":"draft"}') as Record<string, unknown>],
    ['constructor.name', JSON.parse('{"constructor":{"name":"draft"}}') as Record<string, unknown>],
    ['constructor.modelName', JSON.parse('{"constructor":{"modelName":"draft"}}') as Record<string, unknown>],
    ['__proto__', JSON.parse('{"__proto__":{"constructor":{"name":"draft"}}}') as Record<string, unknown>],
  ];
  test.each(bodies.slice(0, 3))(
    'CASL alone believes %s (the reason for our own detection)',
    (_name, body) => {
      const ability = createMongoAbility([{ action: 'update', subject: 'draft' }]);
      expect(ability.can('update', body)).toBe(true);
    },
  );
  test.each(bodies)('a body with %s cannot choose its type', async (_name, body) => {
    await install('drafter', [{ action: 'update', subject: 'draft' }]);
    expect(await decide('drafter', 'draft', body)).toBe(true);
    expect(await decide('drafter', 'published', body)).toBe(false);
  });
});

describe('condition keys', () => {
  test.each([
    'toString.call',
    'constructor.name',
    '__proto__.region',
    'hasOwnProperty',
    'a" = 1 or 1=1 --',
    'region" or true --',
    'region.x',
    'Region',
    'email',
    'region\u0000',
    '$where',
    '$regex',
  ])('the key %j is refused when a role is written', async (key) => {
    const rules: readonly PolicyRule[] = [
      { action: 'read', subject: 'contacts.contact', conditions: { [key]: 'x' } },
    ];
    await expect(install('bad', rules)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_POLICY_(UNKNOWN_FIELD|INVALID_RULE)$/) as unknown,
    });
  });

  test.each(['toString.call', 'constructor.name', 'a" = 1 or 1=1 --', 'email'])(
    'a stored permit with the key %j grants nothing',
    async (key) => {
      const role = `planted-${Buffer.from(key).toString('hex').slice(0, 30)}`;
      await plant(role, [{ action: 'read', subject: 'contacts.contact', conditions: { [key]: 'x' } }]);
      await install('wake', []); // a change, so that caches are dropped
      const decision = await policy.decide(
        person(tenant, { roles: [role] }),
        'read',
        { type: 'contacts.contact' },
        { purpose: 'marketing' },
      );
      expect(decision).toMatchObject({ decision: false, rowFilter: { kind: 'none' } });
    },
  );

  test('a stored prohibition with an unknown key forbids without condition', async () => {
    await plant('planted-forbid', [
      { action: 'read', subject: 'contacts.contact' },
      { action: 'read', subject: 'contacts.contact', conditions: { 'toString.call': 1 }, inverted: true },
    ]);
    await install('wake', []);
    expect(await decide('planted-forbid', 'contacts.contact', undefined, 'read')).toBe(false);
  });

  test('built-ins are what they were after hostile keys were stored and read (rulesToFields is never called)', async () => {
    const callOf = (): unknown => Reflect.get(Object.prototype.toString, 'call');
    const own = Object.keys(Object.prototype.toString);
    const before = callOf();
    await plant('planted-pollution', [
      {
        action: 'read',
        subject: 'contacts.contact',
        conditions: { 'toString.call': 1, 'constructor.prototype.polluted': 1 },
      },
    ]);
    await install('wake', []);
    await decide('planted-pollution', 'contacts.contact', { region: 'PL' }, 'read');
    await policy.permissions(person(tenant, { roles: ['planted-pollution'] }));
    expect(callOf()).toBe(before);
    expect(Object.keys(Object.prototype.toString)).toEqual(own);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('a "__proto__" key in JSON is refused, not dropped: a rule never loses its condition', () => {
    const rule = JSON.parse(
      '{"action":"read","subject":"contacts.contact","conditions":{"__proto__":{"region":"PL"}}}',
    ) as unknown;
    const parsed = ruleSchema.parse(rule);
    expect(Object.keys(parsed.conditions as object)).toEqual(['__proto__']);
    return expect(install('bad', [parsed])).rejects.toMatchObject({ code: 'ERR_POLICY_UNKNOWN_FIELD' });
  });
});

describe('rules to SQL', () => {
  test('a filter on a field that the column map does not have is an error, not an open door', () => {
    const ast = { kind: 'equals', field: 'region', type: 'text', value: 'PL' } as const;
    expect(() => compileRowFilter({ kind: 'condition', ast }, { fields: [] })).toThrow(
      expect.objectContaining({ code: 'ERR_POLICY_UNKNOWN_FIELD' }) as unknown as Error,
    );
  });
  test('values travel as parameters, columns quoted', async () => {
    await install('quoting', [
      {
        action: 'read',
        subject: 'contacts.contact',
        conditions: { region: `' or 1=1 --`, lifecycle: { $in: [`x') --`, `"`] } },
      },
    ]);
    const decision = await policy.decide(
      person(tenant, { roles: ['quoting'] }),
      'read',
      { type: 'contacts.contact' },
      { purpose: 'marketing' },
    );
    const compiled = queryBuilder
      .selectFrom('c')
      .select('id')
      .where(compileRowFilter(decision.rowFilter, { fields: contactFields, table: 'a"b' }))
      .compile();
    expect(compiled.sql).toBe(
      'select "id" from "c" where (("a""b"."region" = $1::text) and ("a""b"."lifecycle" = any($2::text[])))',
    );
    expect(compiled.parameters).toEqual([`' or 1=1 --`, [`x') --`, `"`]]);
  });
});

describe('templates', () => {
  const rules: readonly PolicyRule[] = [
    { action: 'read', subject: 'contacts.contact', conditions: { region: '${principal.attributes.region}' } },
  ];
  const read = (attributes: Record<string, string | readonly string[]>) =>
    policy.decide(
      person(tenant, { roles: ['regional'], attributes }),
      'read',
      { type: 'contacts.contact' },
      { purpose: 'marketing' },
    );

  test('a missing or empty attribute makes the rule grant nothing', async () => {
    await install('regional', rules);
    for (const attributes of [{}, { region: '' }, { region: [] }]) {
      expect(await read(attributes)).toMatchObject({ decision: false, rowFilter: { kind: 'none' } });
    }
    expect((await read({ region: 'PL' })).decision).toBe(true);
  });
  test('an attribute from the prototype is missing', async () => {
    await install('proto', [
      {
        action: 'read',
        subject: 'contacts.contact',
        conditions: { region: '${principal.attributes.constructor}' },
      },
    ]);
    expect(
      (
        await policy.decide(
          person(tenant, { roles: ['proto'] }),
          'read',
          { type: 'contacts.contact' },
          { purpose: 'marketing' },
        )
      ).decision,
    ).toBe(false);
  });
  test('an attribute that looks like a template or an operator stays a value', async () => {
    const decision = await read({ region: '${principal.id}' });
    expect(decision.rowFilter).toMatchObject({ kind: 'condition', ast: { value: '${principal.id}' } });
  });
  test('a missing attribute in a prohibition forbids everything', async () => {
    await install('walled', [
      { action: 'read', subject: 'contacts.contact' },
      {
        action: 'read',
        subject: 'contacts.contact',
        inverted: true,
        conditions: { region: { $ne: '${principal.attributes.region}' } },
      },
    ]);
    const at = (attributes: Record<string, string>) =>
      policy.decide(
        person(tenant, { roles: ['walled'], attributes }),
        'read',
        { type: 'contacts.contact' },
        { purpose: 'marketing' },
      );
    expect((await at({})).decision).toBe(false);
    expect((await at({ region: 'PL' })).decision).toBe(true);
  });
  test.each(['x${principal.id}', '${principal.roles}', '${env.SECRET}', '${principal.attributes.a.b}'])(
    'the half or foreign template %j is refused',
    async (template) => {
      await expect(
        install('bad', [{ action: 'read', subject: 'contacts.contact', conditions: { region: template } }]),
      ).rejects.toMatchObject({ code: 'ERR_POLICY_INVALID_RULE' });
    },
  );
});

test('limits hold: rules, depth, lists, sizes', async () => {
  let deep: Record<string, unknown> = { region: 'PL' };
  for (let level = 0; level < 12; level += 1) deep = { $not: deep };
  await expect(
    install('bad', [{ action: 'read', subject: 'contacts.contact', conditions: deep }]),
  ).rejects.toMatchObject({ code: 'ERR_POLICY_INVALID_RULE' });
  expect(
    ruleSchema.safeParse({ action: 'read', subject: 'x', conditions: { region: 'x'.repeat(20_000) } })
      .success,
  ).toBe(false);
  expect(ruleSchema.safeParse({ action: 'read', subject: 'x', extra: 1 }).success).toBe(false);
  expect(ruleSchema.safeParse({ action: 'read', subject: 'x', conditions: [] }).success).toBe(false);
  expect(ruleSchema.safeParse({ action: 'read', subject: 'x', fields: ['a'], mask: ['b'] }).success).toBe(
    false,
  );
  expect(
    ruleSchema.safeParse({ action: 'read', subject: 'x', inverted: true, purposes: ['support'] }).success,
  ).toBe(false);
});
