import { expect, test } from '@jest/globals';
import type { IDToken } from 'openid-client';
import { readClaims } from './read-claims.ts';
import type { ConnectionRow } from './store-connections.ts';

const connection = {
  role_claim: 'realm_access.roles',
  role_mapping: { 'kc-auditor': 'auditor' },
  acr_mapping: { aal1: 1, aal2: 2 },
} as unknown as ConnectionRow; // only what readClaims reads
const token = (claims: Record<string, unknown>): IDToken =>
  ({ iss: 'https://idp.example', sub: 's', aud: 'c', iat: 1, exp: 2, ...claims }) as IDToken; // the claims under test

test.each([
  [{ acr: 'aal2', auth_time: 1_800_000_000 }, 2],
  [{ acr: 'aal1', auth_time: 1_800_000_000 }, 1],
  [{ acr: 'aal2' }, 1],
  [{ acr: 'aal2', auth_time: '1800000000' }, 1],
  [{ auth_time: 1_800_000_000 }, 1],
  [{ acr: 'urn:unknown', auth_time: 1_800_000_000 }, 1],
  [{ acr: '__proto__', auth_time: 1_800_000_000 }, 1],
  [{ acr: ['aal2'], auth_time: 1_800_000_000 }, 1],
])('of %j the level is %d: only a mapped acr with its auth_time counts', (claims, level) => {
  expect(readClaims(token(claims), connection).level).toBe(level);
});

test('only roles that the connection maps are taken', () => {
  const claims = { realm_access: { roles: ['kc-auditor', 'auditor', 'security_admin', 'constructor', 7] } };
  expect(readClaims(token(claims), connection).roles).toEqual(['auditor']);
  expect(readClaims(token({ realm_access: 'kc-auditor' }), connection).roles).toEqual([]);
  expect(readClaims(token(claims), { ...connection, role_claim: null }).roles).toEqual([]);
});
