import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { AuditEvent, Principal, TenantId } from '../../kernel/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestHttp, createTestPolicy, person } from './support.ts';

let db: TestDatabase;
let app: FastifyInstance;
let tenant: TenantId;
let events: AuditEvent[];
let admin: Principal;
beforeAll(async () => {
  db = await createTestDatabase();
  tenant = await db.createTenant();
  const house = createTestPolicy(db);
  events = house.events;
  admin = person(tenant, { roles: ['security_admin'] });
  await db.database.withTenant(tenant, (tx) => house.policy.installDefaultRoles(tx));
  const foreign = await db.createTenant();
  await db.database.withTenant(foreign, (tx) => house.policy.installDefaultRoles(tx));
  app = await createTestHttp(house.policy, {
    admin,
    auditor: person(tenant, { roles: ['auditor'] }),
    nobody: person(tenant),
    foreign: person(foreign, { roles: ['security_admin'] }),
  });
});
afterAll(async () => {
  await app.close();
  await db.close();
});
const as = (token: string, method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, payload?: object) =>
  app.inject({
    method,
    url,
    headers: { authorization: `Bearer ${token}` },
    ...(payload === undefined ? {} : { payload }),
  });
const code = (response: { json: () => unknown }): unknown => (response.json() as { code: string }).code;

describe('roles', () => {
  test('a role is made, listed, replaced, recorded and removed', async () => {
    const rules = [{ action: 'read', subject: 'contacts.contact', conditions: { region: 'PL' } }];
    expect(
      (await as('admin', 'PUT', '/v1/policy/roles/poland', { description: 'Polish contacts', rules }))
        .statusCode,
    ).toBe(200);
    const listed = (await as('auditor', 'GET', '/v1/policy/roles')).json<{ items: { name: string }[] }>();
    expect(listed.items.find(({ name }) => name === 'poland')).toEqual({
      name: 'poland',
      description: 'Polish contacts',
      rules,
      builtIn: false,
    });
    expect((await as('admin', 'PUT', '/v1/policy/roles/poland', { rules: [] })).statusCode).toBe(200);
    expect(events.at(-1)).toMatchObject({
      definition: { action: 'policy.role_changed' },
      detail: { role: 'poland', change: 'replaced', rules: 0 },
      actor: { id: admin.id },
    });
    expect((await as('admin', 'DELETE', '/v1/policy/roles/poland')).statusCode).toBe(204);
    expect((await as('admin', 'DELETE', '/v1/policy/roles/poland')).statusCode).toBe(404);
  });
  test.each([
    ['a default role', 'dpo', 409, 'ERR_POLICY_BUILT_IN'],
    ['a role that the caller holds', 'security_admin', 403, 'ERR_POLICY_SELF_GRANT'],
    ['the base role', 'everyone', 400, 'ERR_INVALID_REQUEST'],
  ])('%s cannot be changed', async (_name, role, status, expected) => {
    const response = await as('admin', 'PUT', `/v1/policy/roles/${role}`, {
      rules: [{ action: 'manage', subject: 'all' }],
    });
    expect([response.statusCode, code(response)]).toEqual([status, expected]);
  });
  test('rules are checked against the data map when they are written', async () => {
    const put = (rule: object) =>
      as('admin', 'PUT', '/v1/policy/roles/bad', {
        rules: [{ action: 'read', subject: 'contacts.contact', ...rule }],
      });
    expect(code(await put({ conditions: { email: 'x' } }))).toBe('ERR_POLICY_UNKNOWN_FIELD');
    expect(code(await put({ fields: ['nothing'] }))).toBe('ERR_POLICY_UNKNOWN_FIELD');
    expect(code(await put({ conditions: { region: 5 } }))).toBe('ERR_POLICY_INVALID_RULE');
    expect(code(await put({ conditions: { region: { $regex: 'x' } } }))).toBe('ERR_POLICY_INVALID_RULE');
    expect(code(await put({ subject: 'undeclared', conditions: { a: 1 } }))).toBe('ERR_POLICY_INVALID_RULE');
    expect(code(await put({ unknown: 1 }))).toBe('ERR_INVALID_REQUEST');
    expect(code(await put({ conditions: JSON.parse('{"__proto__":{"region":"PL"}}') as object }))).toMatch(
      /^ERR_/,
    );
    expect((await as('auditor', 'GET', '/v1/policy/roles')).body).not.toContain('"bad"');
  });
});

describe('grants', () => {
  test('a role is granted, listed page by page, in use, and revoked', async () => {
    const ids = new Set<string>();
    for (let count = 0; count < 3; count += 1) {
      const response = await as('admin', 'POST', '/v1/policy/grants', {
        principalId: randomUUID(),
        role: 'auditor',
        reason: 'audit of the year',
      });
      expect(response.statusCode).toBe(201);
      ids.add(response.json<{ id: string }>().id);
    }
    const seen = new Set<string>();
    let cursor: string | null = null;
    do {
      const page: { items: { id: string; role: string; grantedBy: string }[]; nextCursor: string | null } = (
        await as('auditor', 'GET', `/v1/policy/grants?limit=2${cursor === null ? '' : `&cursor=${cursor}`}`)
      ).json();
      for (const item of page.items) {
        expect(item).toMatchObject({
          role: 'auditor',
          grantedBy: admin.id,
          reason: 'audit of the year',
          expiresAt: null,
          lastUsedAt: null,
        });
        seen.add(item.id);
      }
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(seen).toEqual(ids);
    for (const id of ids)
      expect((await as('admin', 'DELETE', `/v1/policy/grants/${id}`)).statusCode).toBe(204);
  });
  test('nobody grants to himself', async () => {
    const response = await as('admin', 'POST', '/v1/policy/grants', {
      principalId: admin.id,
      role: 'dpo',
      reason: 'I would like to',
    });
    expect([response.statusCode, code(response)]).toEqual([403, 'ERR_POLICY_SELF_GRANT']);
  });
  test('an unknown role, a past end, a foreign grant and a wrong cursor are refused', async () => {
    const grant = (extra: object) =>
      as('admin', 'POST', '/v1/policy/grants', {
        principalId: randomUUID(),
        role: 'auditor',
        reason: 'x',
        ...extra,
      });
    expect(code(await grant({ role: 'nothing' }))).toBe('ERR_POLICY_UNKNOWN_ROLE');
    expect((await grant({ expiresAt: '2020-01-01T00:00:00Z' })).statusCode).toBe(400);
    const { id } = (await grant({})).json<{ id: string }>();
    expect((await as('foreign', 'DELETE', `/v1/policy/grants/${id}`)).statusCode).toBe(404);
    expect((await as('auditor', 'GET', '/v1/policy/grants?cursor=zzz')).statusCode).toBe(400);
    expect((await as('admin', 'DELETE', '/v1/policy/roles/auditor')).statusCode).toBe(409);
  });
});

describe('questions', () => {
  test('everybody may ask what he may do', async () => {
    expect((await as('nobody', 'GET', '/v1/policy/permissions')).json()).toMatchObject({
      roles: [],
      actions: { 'dsr.read': false },
    });
    expect((await as('auditor', 'GET', '/v1/policy/permissions')).json()).toMatchObject({
      roles: ['auditor'],
      actions: { 'dsr.read': true, 'dsr.execute': false },
    });
  });
  test('explain tells the rule and is recorded', async () => {
    const response = await as('admin', 'POST', '/v1/policy/explain', {
      action: 'policy.manage',
      resource: { type: 'policy' },
    });
    expect(response.json()).toMatchObject({
      decision: true,
      reasons: [{ code: 'ALLOWED', rule: 'security_admin#3' }],
      rowFilter: { kind: 'all' },
    });
    expect(events.at(-1)).toMatchObject({ definition: { action: 'policy.evaluated' }, outcome: 'success' });
  });
});

describe('own applications', () => {
  test('types of the house cannot be declared anew, nor inherited names as fields', async () => {
    const put = (type: string, name: string) =>
      as('admin', 'PUT', `/v1/policy/resource-types/${type}`, { fields: [{ name, type: 'text' }] });
    expect((await put('audit', 'a')).statusCode).toBe(409);
    expect((await put('contacts.contact', 'a')).statusCode).toBe(409);
    expect((await put('all', 'a')).statusCode).toBe(409);
    expect((await put('todo', 'constructor')).statusCode).toBe(400);
    expect((await put('todo', 'owner')).statusCode).toBe(204);
  });
  test('a subject is stored with roles that exist, and removed', async () => {
    expect(code(await as('admin', 'PUT', '/v1/policy/subjects/user/1', { roles: ['nothing'] }))).toBe(
      'ERR_POLICY_UNKNOWN_ROLE',
    );
    expect((await as('admin', 'PUT', '/v1/policy/subjects/user/1', { roles: ['auditor'] })).statusCode).toBe(
      204,
    );
    expect((await as('admin', 'DELETE', '/v1/policy/subjects/user/1')).statusCode).toBe(204);
    expect((await as('admin', 'DELETE', '/v1/policy/subjects/user/1')).statusCode).toBe(404);
  });
});

test('reading and managing are separate: the auditor changes nothing', async () => {
  const calls: readonly (readonly ['POST' | 'PUT' | 'DELETE', string, object?])[] = [
    ['PUT', '/v1/policy/roles/mine', { rules: [] }],
    ['DELETE', '/v1/policy/roles/mine'],
    ['POST', '/v1/policy/grants', { principalId: randomUUID(), role: 'auditor', reason: 'x' }],
    ['DELETE', `/v1/policy/grants/${randomUUID()}`],
    ['PUT', '/v1/policy/subjects/user/1', {}],
    ['PUT', '/v1/policy/resource-types/x', { fields: [] }],
    ['POST', '/v1/policy/explain', { action: 'a', resource: { type: 'b' } }],
  ];
  for (const [method, url, body] of calls)
    expect((await as('auditor', method, url, body)).statusCode).toBe(403);
});
