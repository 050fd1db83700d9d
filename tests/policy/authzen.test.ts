import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { AuditEvent, TenantId } from '../../kernel/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { describeUnless } from '../support/skip.ts';
import { missingVectors, vectorsFolder } from '../support/vectors.ts';
import { createTestHttp, createTestPolicy, person } from './support.ts';

type Entity = { readonly type: string; readonly id: string; readonly properties?: Record<string, unknown> };
type Question = {
  readonly subject: Entity;
  readonly action: { readonly name: string };
  readonly resource: Entity;
};
type Vectors = {
  readonly evaluation: readonly { readonly request: Question; readonly expected: boolean }[];
  readonly evaluations: readonly {
    readonly request: object;
    readonly expected: readonly { readonly decision: boolean }[];
  }[];
};
type Schema = {
  readonly required?: readonly string[];
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
};

const missing = missingVectors('authzen');
const read = (name: string): unknown =>
  missing === null ? JSON.parse(readFileSync(join(vectorsFolder, 'authzen', name), 'utf8')) : {};
const vectors = read('todo-decisions-1.0.json') as Vectors;
const requestSchema = read('evaluation-request.schema.json') as Schema;
const responseSchema = read('evaluation-response.schema.json') as Schema;

// The interop's people: PID → mail address and role.
const pid = (digit: number): string =>
  Buffer.from(`\n$fd${digit}614d3-c39a-4781-b7bd-8b96f5a5100d\u0012\u0005local`).toString('base64');
const people: Readonly<Record<string, readonly [string, string]>> = {
  [pid(0)]: ['rick@the-citadel.com', 'todo-admin'],
  [pid(1)]: ['morty@the-citadel.com', 'todo-editor'],
  [pid(2)]: ['summer@the-smiths.com', 'todo-editor'],
  [pid(3)]: ['beth@the-smiths.com', 'todo-viewer'],
  [pid(4)]: ['jerry@the-smiths.com', 'todo-viewer'],
};
const view = [
  { action: 'can_read_user', subject: 'user' },
  { action: 'can_read_todos', subject: 'todo' },
];
const own = { ownerID: '${principal.attributes.email}' };
const edit = [
  ...view,
  { action: 'can_create_todo', subject: 'todo' },
  { action: ['can_update_todo', 'can_delete_todo'], subject: 'todo', conditions: own },
];
const administer = [...edit, { action: ['can_update_todo', 'can_delete_todo'], subject: 'todo' }];

let db: TestDatabase;
let app: FastifyInstance;
let events: AuditEvent[];
let tenant: TenantId;

const as = (
  token: string,
  method: 'GET' | 'POST' | 'PUT',
  url: string,
  payload?: unknown,
  headers: Record<string, string> = {},
) =>
  app.inject({
    method,
    url,
    headers: { authorization: `Bearer ${token}`, ...headers },
    ...(payload === undefined ? {} : { payload: payload as object }),
  });
const ask = (payload: unknown, headers?: Record<string, string>) =>
  as('gateway', 'POST', '/access/v1/evaluation', payload, headers);
const askMany = (payload: unknown) => as('gateway', 'POST', '/access/v1/evaluations', payload);

beforeAll(async () => {
  db = await createTestDatabase();
  tenant = await db.createTenant();
  const house = createTestPolicy(db, { publicUrl: 'https://gatehouse.example' });
  events = house.events;
  await db.database.withTenant(tenant, async (tx) => {
    await house.policy.installDefaultRoles(tx);
    await house.policy.installRole(tx, 'pep', [{ action: 'policy.evaluate', subject: 'policy' }]);
  });
  app = await createTestHttp(house.policy, {
    admin: person(tenant, { roles: ['security_admin'] }),
    gateway: person(tenant, { kind: 'service_account', roles: ['pep'] }),
    nobody: person(tenant),
  });
  const steps: readonly (readonly [string, unknown])[] = [
    ['/v1/policy/resource-types/todo', { fields: [{ name: 'ownerID', type: 'text' }] }],
    ['/v1/policy/roles/todo-viewer', { description: 'reads', rules: view }],
    ['/v1/policy/roles/todo-editor', { description: 'edits the own ones', rules: edit }],
    ['/v1/policy/roles/todo-admin', { description: 'edits all', rules: administer }],
    ...Object.entries(people).map(([id, [email, role]]): readonly [string, unknown] => [
      `/v1/policy/subjects/user/${encodeURIComponent(id)}`,
      { properties: { email }, roles: [role] },
    ]),
  ];
  for (const [url, body] of steps) {
    const response = await as('admin', 'PUT', url, body);
    if (response.statusCode >= 300) throw new Error(`${url}: ${response.body}`);
  }
});
afterAll(async () => {
  await app.close();
  await db.close();
});

describeUnless(missing, 'the todo interop', () => {
  test.each(
    vectors.evaluation.map(({ request, expected }, index) => {
      const who = people[request.subject.id]?.[0] ?? request.subject.id;
      const owner =
        request.resource.properties === undefined
          ? request.resource.id
          : String(request.resource.properties['ownerID']);
      return {
        name: `evaluation ${index + 1}: ${who} ${request.action.name} of ${owner} is ${expected}`,
        request,
        expected,
      };
    }),
  )('$name', async ({ request, expected }) => {
    expect(violations(requestSchema, request)).toEqual([]);
    const response = await ask(request);
    expect(response.statusCode).toBe(200);
    expect(violations(responseSchema, response.json())).toEqual([]);
    expect(response.json()).toMatchObject({ decision: expected });
  });

  test.each(vectors.evaluations.map((batch, index) => ({ name: `evaluations ${index + 1}`, ...batch })))(
    '$name',
    async ({ request, expected }) => {
      const response = await askMany(request);
      expect(response.statusCode).toBe(200);
      expect(
        response
          .json<{ evaluations: { decision: boolean }[] }>()
          .evaluations.map(({ decision }) => ({ decision })),
      ).toEqual(expected);
    },
  );

  test('has 40 evaluations and 3 batches', () => {
    expect([vectors.evaluation.length, vectors.evaluations.length]).toEqual([40, 3]);
  });
});

const rick = { type: 'user', id: pid(0) };
const jerry = { type: 'user', id: pid(4) };
const todo = { type: 'todo', id: '1', properties: { ownerID: 'rick@the-citadel.com' } };
const update = { name: 'can_update_todo' };

test('every evaluation is recorded once, before its answer, without the ids it names', async () => {
  events.length = 0;
  await ask({ subject: jerry, action: update, resource: todo });
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject({
    outcome: 'denied',
    reason: 'ERR_POLICY_NO_RULE',
    detail: { action: 'can_update_todo', resourceType: 'todo', decision: false },
  });
  expect(JSON.stringify(events[0]?.detail)).not.toContain(jerry.id);
});

test('a batch is recorded as one event that lists every item', async () => {
  events.length = 0;
  await askMany({ action: update, resource: todo, evaluations: [{ subject: rick }, { subject: jerry }] });
  expect(events).toHaveLength(1);
  expect(events[0]?.detail).toMatchObject({
    allowed: 1,
    denied: 1,
    items: [{ decision: true }, { decision: false }],
  });
});

test('an answer whose record fails is not given', async () => {
  const house = createTestPolicy(db, {
    audit: { append: async () => undefined, record: () => Promise.reject(new Error('the log is away')) },
  });
  const http = await createTestHttp(house.policy, {
    gateway: person(tenant, { kind: 'service_account', roles: ['pep'] }),
  });
  const payload = { subject: rick, action: update, resource: todo };
  const response = await http.inject({
    method: 'POST',
    url: '/access/v1/evaluation',
    headers: { authorization: 'Bearer gateway' },
    payload,
  });
  expect(response.statusCode).toBe(500);
  expect(response.body).not.toContain('decision');
  await http.close();
});

test.each([
  ['deny_on_first_deny', [true, false]],
  ['permit_on_first_permit', [true]],
  ['execute_all', [true, false, true]],
] as const)('the semantic %s answers %j', async (semantic, expected) => {
  const response = await askMany({
    action: update,
    resource: todo,
    options: { evaluations_semantic: semantic },
    evaluations: [{ subject: rick }, { subject: jerry }, { subject: rick }],
  });
  expect(
    response.json<{ evaluations: { decision: boolean }[] }>().evaluations.map(({ decision }) => decision),
  ).toEqual(expected);
});

test('a wrong item is answered in its place and does not spoil the others', async () => {
  const response = await askMany({
    action: update,
    resource: todo,
    evaluations: [{ subject: { type: 'user' } }, { subject: rick }],
  });
  expect(response.statusCode).toBe(200);
  expect(response.json()).toMatchObject({
    evaluations: [{ decision: false, context: { error: { status: 400 } } }, { decision: true }],
  });
});

test('items replace whole entities: the properties of the default do not leak into them', async () => {
  const response = await askMany({
    subject: { type: 'user', id: pid(1) },
    action: update,
    resource: { ...todo, properties: { ownerID: 'morty@the-citadel.com' } },
    evaluations: [{}, { resource: { type: 'todo', id: '2' } }],
  });
  expect(response.json()).toMatchObject({ evaluations: [{ decision: true }, { decision: false }] });
});

test('a batch without evaluations behaves as one evaluation', async () => {
  const question = { subject: rick, action: update, resource: todo };
  expect((await askMany(question)).json()).toMatchObject({ decision: true });
  expect((await askMany({ ...question, evaluations: [] })).json()).toMatchObject({ decision: true });
  expect((await askMany({ subject: rick })).statusCode).toBe(400);
});

test.each([
  ['no subject', { action: update, resource: todo }],
  ['a subject without id', { subject: { type: 'user' }, action: update, resource: todo }],
  ['a number as id', { subject: { type: 'user', id: 1 }, action: update, resource: todo }],
  ['no action name', { subject: rick, action: {}, resource: todo }],
  ['a list as body', []],
  ['properties that are a string', { subject: { ...rick, properties: 'x' }, action: update, resource: todo }],
])('%s is 400', async (_name, body) => {
  expect((await ask(body)).statusCode).toBe(400);
});

test('a malformed body and an empty body are 400', async () => {
  const send = (payload: string) => ask(payload as never, { 'content-type': 'application/json' });
  expect((await send('{"subject":')).statusCode).toBe(400);
  expect((await send('')).statusCode).toBe(400);
});

test('X-Request-ID comes back, on denials and on refusals', async () => {
  const given = { 'x-request-id': 'bfe9eb29-ab87-4ca3-be83-a1d5d8305716' };
  expect((await ask({ subject: jerry, action: update, resource: todo }, given)).headers).toMatchObject(given);
  expect((await ask({}, given)).headers).toMatchObject(given);
});

test('unknown members are ignored', async () => {
  expect(
    (await ask({ subject: rick, action: update, resource: todo, context: { time: 'x' }, future: 1 })).json(),
  ).toMatchObject({ decision: true });
});

test('who may not evaluate gets no answer', async () => {
  const question = { subject: rick, action: update, resource: todo };
  expect((await as('nobody', 'POST', '/access/v1/evaluation', question)).statusCode).toBe(403);
  expect((await as('unknown', 'POST', '/access/v1/evaluation', question)).statusCode).toBe(401);
});

test('what a tenant stored about a subject wins over what the request claims', async () => {
  const morty = { type: 'user', id: pid(1), properties: { email: 'rick@the-citadel.com' } };
  expect((await ask({ subject: morty, action: update, resource: todo })).json()).toMatchObject({
    decision: false,
  });
});

test('metadata names this decision point and its two endpoints', async () => {
  const response = await app.inject({ method: 'GET', url: '/.well-known/authzen-configuration' });
  expect(response.json()).toEqual({
    policy_decision_point: 'https://gatehouse.example',
    access_evaluation_endpoint: 'https://gatehouse.example/access/v1/evaluation',
    access_evaluations_endpoint: 'https://gatehouse.example/access/v1/evaluations',
    capabilities: [],
  });
});

/** The part of JSON Schema that the two files use. */
function violations(schema: Schema, value: unknown, at = ''): string[] {
  const found: string[] = [];
  const type = Array.isArray(value) ? 'array' : typeof value;
  if (schema.type !== undefined && schema.type !== type) found.push(`${at} is ${type}, not ${schema.type}`);
  if (type !== 'object' || value === null) return found;
  const fields = value as Record<string, unknown>;
  for (const name of schema.required ?? [])
    if (!Object.hasOwn(fields, name)) found.push(`${at}.${name} is missing`);
  for (const [name, part] of Object.entries(schema.properties ?? {})) {
    if (Object.hasOwn(fields, name)) found.push(...violations(part, fields[name], `${at}.${name}`));
  }
  return found;
}
