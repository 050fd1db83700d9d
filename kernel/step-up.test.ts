import { expect, test } from '@jest/globals';
import { parsePrincipalId, parseTenantId } from './ids.ts';
import type { Principal } from './principal.ts';
import { requireFreshAuthentication, stepUpOf } from './step-up.ts';

const now = new Date('2026-11-23T12:00:00Z');
const person = (
  level: 1 | 2 | 3,
  ageSeconds: number | null,
  kind: Principal['kind'] = 'user',
): Principal => ({
  kind,
  tenantId: parseTenantId('01a208e2-bf45-71ab-b576-5b7442957b96'),
  id: parsePrincipalId('01a208e2-bf45-71ab-b576-5b7442957b97'),
  displayName: 'A Person',
  email: null,
  roles: [],
  attributes: {},
  assurance: {
    level,
    authenticatedAt: ageSeconds === null ? null : new Date(now.getTime() - ageSeconds * 1_000),
    methods: [],
  },
  sessionId: null,
});
const refuses = (principal: Principal, demanded = stepUpOf({})): unknown => {
  try {
    requireFreshAuthentication(principal, demanded, now);
    return null;
  } catch (error) {
    return error;
  }
};

test('level and age are both needed, to the second', () => {
  expect(refuses(person(2, 300))).toBeNull();
  expect(refuses(person(3, 0))).toBeNull();
  expect(refuses(person(2, 301))).toMatchObject({
    code: 'ERR_STEP_UP_REQUIRED',
    status: 401,
    details: { acrValues: 'aal2', maxAgeSeconds: 300 },
  });
  expect(refuses(person(1, 0))).toMatchObject({ code: 'ERR_STEP_UP_REQUIRED' });
  expect(refuses(person(2, null))).toMatchObject({ code: 'ERR_STEP_UP_REQUIRED' });
});

test('a machine never satisfies it', () => {
  expect(refuses(person(3, 0, 'service_account'))).toMatchObject({ code: 'ERR_STEP_UP_REQUIRED' });
});

test('a demand that is no number refuses everyone', () => {
  for (const properties of [{ level: 'high' }, { maxAgeSeconds: {} }])
    expect(refuses(person(3, 0), stepUpOf(properties))).toMatchObject({ code: 'ERR_STEP_UP_REQUIRED' });
});
