import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { AnyRoute } from '../kernel/index.ts';
import { openApiDocument } from '../server/index.ts';
import { call, startTestHouse, type TestHouse } from './support/house.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await startTestHouse({ contacts: 5 });
}, 60_000);
afterAll(() => house.close());

const concrete = (route: AnyRoute): string => route.path.replace(/\{[a-zA-Z]+\*?\}/g, '0');
const guarded = (): readonly AnyRoute[] =>
  house.house.routes.filter((route) => route.security.kind === 'principal');

describe('the table of routes', () => {
  test('has unique operation ids and unique method and path', () => {
    const ids = house.house.routes.map((route) => route.operationId);
    const places = house.house.routes.map((route) => `${route.method} ${route.path}`);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(places).size).toBe(places.length);
  });

  test('says why wherever a route is public or not recorded', () => {
    for (const route of house.house.routes) {
      if (route.security.kind === 'public') expect(route.security.reason.length).toBeGreaterThan(10);
      if (route.audit.kind === 'none') expect(route.audit.reason.length).toBeGreaterThan(10);
    }
  });

  test('records only events that a room declares', async () => {
    const { allEvents } = await import('../server/index.ts');
    const declared = new Set(allEvents.map((event) => event.action));
    const named = house.house.routes.flatMap((route) =>
      route.audit.kind === 'event' ? route.audit.actions : [],
    );
    expect(named.filter((action) => !declared.has(action))).toEqual([]);
  });
});

test('without credentials every guarded route answers 401 with a challenge and a problem document', async () => {
  for (const route of guarded()) {
    const answer = await call(
      house.url,
      route.method,
      concrete(route),
      route.method === 'GET' || route.method === 'DELETE' ? undefined : {},
    );
    expect({ operation: route.operationId, status: answer.status }).toEqual({
      operation: route.operationId,
      status: 401,
    });
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({
      status: 401,
      code: expect.stringMatching(/^ERR_/),
      requestId: expect.any(String),
    });
  }
});

test('a principal without the right is refused with 403 or asked for step-up, and never served', async () => {
  const marketer = await house.as('acme', 'marketer');
  const permissions = await marketer('GET', '/v1/policy/permissions');
  expect(permissions.status).toBe(200);
  for (const route of guarded()) {
    if (route.security.kind !== 'principal' || permissions.body.actions[route.security.action] !== false)
      continue;
    const answer = await marketer(
      route.method,
      concrete(route),
      route.method === 'GET' || route.method === 'DELETE' ? undefined : {},
    );
    expect({ operation: route.operationId, refused: answer.status === 401 || answer.status === 403 }).toEqual(
      { operation: route.operationId, refused: true },
    );
  }
});

test('every answer carries the request id that the caller sent', async () => {
  const answer = await call(house.url, 'GET', '/health/live', undefined, { 'x-request-id': 'my-id-1' });
  expect(answer.headers.get('x-request-id')).toBe('my-id-1');
});

test('an unknown path is a problem document, too', async () => {
  const answer = await call(house.url, 'GET', '/v1/nothing');
  expect(answer).toMatchObject({ status: 404, body: { code: 'ERR_NOT_FOUND' } });
});

test('the committed OpenAPI file is what the routes say today', async () => {
  const committed = JSON.parse(
    await readFile(join(import.meta.dirname, '..', 'docs', 'openapi.json'), 'utf8'),
  ) as Record<string, unknown>;
  const today = openApiDocument(house.house.http);
  expect({ ...today, servers: [] }).toEqual({ ...committed, servers: [] });
});
