import { expect, test } from '@jest/globals';
import { defineRoute } from '../kernel/index.ts';

const complete = {
  method: 'GET',
  path: '/v1/probe',
  operationId: 'probe',
  summary: 'Probe',
  security: { kind: 'public', reason: 'a test' },
  audit: { kind: 'none', reason: 'a test' },
  request: {},
  responses: { 204: { description: 'Nothing' } },
  handler: () => Promise.resolve({ status: 204 }),
} as const;

// `npm run check` compiles this file: a directive that is not needed any more is an error of the compiler.
test('a route without security or without audit does not compile', () => {
  const { security, ...unguarded } = complete;
  const { audit, ...unrecorded } = complete;
  // @ts-expect-error -- security is missing
  defineRoute(unguarded);
  // @ts-expect-error -- audit is missing
  defineRoute(unrecorded);
  expect([security.kind, audit.kind]).toEqual(['public', 'none']);
});

test('a route cannot be changed once it is declared', () => {
  expect(Object.isFrozen(defineRoute({ ...complete }))).toBe(true);
});
