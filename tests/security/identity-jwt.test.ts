import { describe, expect, test } from '@jest/globals';
import { createKeycloakAdapter } from '../../identity/index.ts';
import { Secret, type Clock } from '../../kernel/index.ts';
import { createFakeIssuer } from '../support/fake-issuer.ts';

const nowSeconds = 1_800_000_000;
const clock: Clock = { now: () => new Date(nowSeconds * 1000) };
const realm = createFakeIssuer('https://idp.example/realms/acme');
const stranger = createFakeIssuer('https://idp.example/realms/acme');
const header = { alg: 'RS256', typ: 'JWT', kid: 'rsa' };
const claims = {
  iss: realm.issuer,
  aud: ['gatehouse-api', 'account'],
  sub: 'f3b1',
  azp: 'gatehouse-service',
  typ: 'Bearer',
  iat: nowSeconds - 10,
  exp: nowSeconds + 290,
  realm_access: { roles: ['auditor'] },
};
const without = (name: keyof typeof claims): Record<string, unknown> => {
  const { [name]: _left, ...rest } = claims;
  return rest;
};

/** The gate, through the one door that keycloak-connect has: what passes here reaches the library. */
const adapter = createKeycloakAdapter({
  serverUrl: 'https://idp.example',
  realm: 'acme',
  clientId: 'gatehouse-api',
  clientSecret: new Secret('unused'),
  clock,
  keys: realm.keys,
  expected: {
    issuer: realm.issuer,
    audience: 'gatehouse-api',
    algorithms: ['RS256', 'ES256', 'PS256'],
    authorizedParties: ['gatehouse-service'],
    headerTypes: ['jwt', 'at+jwt'],
    claimType: 'Bearer',
    skewSeconds: 5,
    maxLifetimeSeconds: 3_600,
  },
});

/** RFC 8725, RFC 9068, RFC 7515, RFC 9449, OWASP ASVS 5 V9; those marked * keycloak-connect 26.1.1 accepts by itself. */
const attacks: Readonly<Record<string, string>> = {
  '* a foreign audience': realm.token(header, { ...claims, aud: 'another-api' }),
  'an audience that only begins like ours': realm.token(header, { ...claims, aud: 'gatehouse-api.evil' }),
  'no audience': realm.token(header, without('aud')),
  '* no exp': realm.token(header, without('exp')),
  'exp in the past': realm.token(header, { ...claims, exp: nowSeconds - 6 }),
  'exp as text': realm.token(header, { ...claims, exp: '9999999999' }),
  'exp not finite': realm.token(header, { ...claims, exp: 1e400 }),
  'exp after ten years': realm.token(header, { ...claims, exp: nowSeconds + 315_360_000 }),
  '* nbf in an hour': realm.token(header, { ...claims, nbf: nowSeconds + 3_600 }),
  'iat in an hour': realm.token(header, { ...claims, iat: nowSeconds + 3_600, exp: nowSeconds + 3_700 }),
  'no iat': realm.token(header, without('iat')),
  'no sub': realm.token(header, without('sub')),
  'an empty sub': realm.token(header, { ...claims, sub: '' }),
  'no iss': realm.token(header, without('iss')),
  'another issuer': realm.token(header, { ...claims, iss: 'https://evil.example/realms/acme' }),
  'an issuer with a slash more': realm.token(header, { ...claims, iss: `${realm.issuer}/` }),
  'another client of the realm': realm.token(header, { ...claims, azp: 'another-client' }),
  'no client': realm.token(header, without('azp')),
  '* header alg none over a true signature': realm.token({ ...header, alg: 'none' }, claims),
  'alg none without signature': realm.forged({ ...header, alg: 'none' }, claims, null),
  'alg nOnE': realm.forged({ ...header, alg: 'nOnE' }, claims, null),
  '* header alg HS256 over a true RS256 signature': realm.token({ ...header, alg: 'HS256' }, claims),
  'HS256 with the public key as secret': realm.forged({ ...header, alg: 'HS256' }, claims, realm.publicPem),
  'an algorithm that is not on the list': realm.token({ ...header, alg: 'RS512' }, claims),
  'alg missing': realm.token({ typ: 'JWT', kid: 'rsa' }, claims),
  'ES256 header over an RSA signature': realm.token({ ...header, alg: 'ES256', kid: 'ec' }, claims),
  '* unknown crit': realm.token({ ...header, crit: ['exp'], exp: 1 }, claims),
  'empty crit': realm.token({ ...header, crit: [] }, claims),
  'b64 false': realm.token({ ...header, crit: ['b64'], b64: false }, claims),
  zip: realm.token({ ...header, zip: 'DEF' }, claims),
  '* header typ logout+jwt': realm.token({ ...header, typ: 'logout+jwt' }, claims),
  'header typ dpop+jwt': realm.token({ ...header, typ: 'dpop+jwt' }, claims),
  'no header typ': realm.token({ alg: 'RS256', kid: 'rsa' }, claims),
  'an ID token': realm.token(header, { ...claims, typ: 'ID' }),
  'a refresh token': realm.token(header, { ...claims, typ: 'Refresh' }),
  'a logout token': realm.token(header, { ...claims, typ: 'Logout' }),
  'no typ claim': realm.token(header, without('typ')),
  '* cnf without proof': realm.token(header, {
    ...claims,
    cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' },
  }),
  'cnf of a certificate': realm.token(header, { ...claims, cnf: { 'x5t#S256': 'A' } }),
  'a key in the header (jwk)': stranger.token({ ...header, jwk: stranger.publicJwk }, claims),
  'a key address in the header (jku)': stranger.token(
    { ...header, jku: 'https://evil.example/jwks' },
    claims,
  ),
  'a certificate address in the header (x5u)': realm.token(
    { ...header, x5u: 'https://evil.example/cert' },
    claims,
  ),
  'a certificate in the header (x5c)': realm.token({ ...header, x5c: ['AA'] }, claims),
  'another realm’s key under our kid': stranger.token(header, claims),
  'an unknown kid': realm.token({ ...header, kid: '../../dev/null' }, claims),
  'a changed payload': realm
    .token(header, claims)
    .replace(
      /\.[^.]+\./,
      `.${Buffer.from(JSON.stringify({ ...claims, sub: 'root' })).toString('base64url')}.`,
    ),
  'a cut signature': realm.token(header, claims).slice(0, -8),
  'no signature': `${realm.token(header, claims).split('.').slice(0, 2).join('.')}.`,
  'an encrypted token': `${Buffer.from('{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2000000000}').toString('base64url')}.a.b.c.d`,
  'twenty kilobytes': realm.token(header, { ...claims, padding: 'x'.repeat(20_000) }),
  'not a token': 'opaque',
  nothing: '',
};

describe('the gate before keycloak-connect', () => {
  test.each(Object.entries(attacks))('refuses %s', async (_name, token) => {
    const refusal = {
      code: 'ERR_TOKEN_INVALID',
      status: 401,
      details: { challenge: expect.stringMatching(/^Bearer realm="gatehouse", error="invalid_token"/) },
    };
    await expect(adapter.hasRole(token, 'realm:auditor')).rejects.toMatchObject(refusal);
    await expect(adapter.isActive(token)).rejects.toMatchObject(refusal);
    await expect(adapter.hasPermission(token, { resource: 'contacts', scopes: [] })).rejects.toMatchObject(
      refusal,
    );
  });

  test('says nothing of the token in its refusal', async () => {
    const token = realm.token(header, { ...claims, sub: 'canary-subject', aud: 'canary-audience' });
    const error: unknown = await adapter.hasRole(token, 'realm:auditor').catch((caught: unknown) => caught);
    expect(`${String(error)}${JSON.stringify(error)}`).not.toMatch(/canary|eyJ/);
  });

  test.each(['RS256', 'PS256', 'ES256'] as const)('lets a good %s token through', async (alg) => {
    const token = realm.token({ ...header, alg, kid: alg === 'ES256' ? 'ec' : 'rsa' }, claims, alg);
    const { verifyAccessToken } = await import('../../identity/token/verify-access-token.ts');
    const expected = {
      issuer: realm.issuer,
      audience: 'gatehouse-api',
      algorithms: [alg],
      authorizedParties: null,
      headerTypes: ['jwt'],
      claimType: 'Bearer',
      skewSeconds: 5,
      maxLifetimeSeconds: 3_600,
    };
    expect((await verifyAccessToken(token, expected, realm.keys, clock)).claims.sub).toBe('f3b1');
  });
});

test('behind the gate the roles of a good token are answered without any request', async () => {
  const live = Math.floor(Date.now() / 1000);
  const token = realm.token(header, { ...claims, iat: live, exp: live + 60 });
  const now = createKeycloakAdapter({
    serverUrl: 'https://idp.example', realm: 'acme', clientId: 'gatehouse-api', clientSecret: null, keys: realm.keys,
    clock: { now: () => new Date() },
    expected: { issuer: realm.issuer, audience: 'gatehouse-api', algorithms: ['RS256'], authorizedParties: null, headerTypes: ['jwt'], claimType: 'Bearer', skewSeconds: 5, maxLifetimeSeconds: 3_600 },
  }); // prettier-ignore
  expect(await now.hasRole(token, 'realm:auditor')).toBe(true);
  expect(await now.hasRole(token, 'realm:admin')).toBe(false);
});
