import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createRemoteJWKSet, type JWTVerifyGetKey } from 'jose';
import { createKeycloakAdapter, type KeycloakAdapter } from '../../identity/index.ts';
import { Secret, systemClock } from '../../kernel/index.ts';
import { fillRealm } from './keycloak-realm.ts';
import { startKeycloak, type Keycloak } from './start-keycloak.ts';

const secrets = {
  console: 'console-secret-of-a-test-realm',
  api: 'api-secret-of-a-test-realm',
  service: 'service-secret-of-a-test-realm',
};

let keycloak: Keycloak;
let issuer: string;
let adapter: KeycloakAdapter;
beforeAll(async () => {
  keycloak = await startKeycloak();
  const realm = (await fillRealm('http://127.0.0.1:1', secrets, [])) as { clients: object[] };
  const clients = [
    ...realm.clients,
    // A client of the same realm whose tokens are not for us.
    {
      clientId: 'stranger',
      secret: 'stranger-secret',
      publicClient: false,
      serviceAccountsEnabled: true,
      standardFlowEnabled: false,
    },
  ];
  await keycloak.createRealm({ ...realm, clients });
  issuer = `${keycloak.url}/realms/gatehouse`;
  adapter = createKeycloakAdapter({
    serverUrl: keycloak.url,
    realm: 'gatehouse',
    clientId: 'gatehouse-api',
    clientSecret: new Secret(secrets.api),
    clock: systemClock,
    keys: createRemoteJWKSet(new URL(`${issuer}/protocol/openid-connect/certs`)) as JWTVerifyGetKey, // the two resolver types differ in name only
    expected: {
      issuer,
      audience: 'gatehouse-api',
      algorithms: ['RS256'],
      authorizedParties: ['gatehouse-service'],
      headerTypes: ['jwt', 'at+jwt'],
      claimType: 'Bearer',
      skewSeconds: 5,
      maxLifetimeSeconds: 3_600,
    },
  });
}, 240_000);
afterAll(() => keycloak?.stop(), 60_000);

async function token(clientId: string, clientSecret: string): Promise<string> {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
  });
  const response = await fetch(`${issuer}/protocol/openid-connect/token`, { method: 'POST', body });
  return ((await response.json()) as { access_token: string }).access_token; // RFC 6749 section 5.1
}

describe('the adapter on a real Keycloak', () => {
  test('answers for a token that was issued for us', async () => {
    const good = await token('gatehouse-service', secrets.service);
    expect(await adapter.hasRole(good, 'realm:offline_access')).toBe(true);
    expect(await adapter.hasRole(good, 'realm:gatehouse-auditor')).toBe(false);
    expect(await adapter.isActive(good)).toBe(true);
  });

  test('refuses a token of the same realm for another audience and client', async () => {
    const foreign = await token('stranger', 'stranger-secret');
    await expect(adapter.hasRole(foreign, 'realm:offline_access')).rejects.toMatchObject({
      code: 'ERR_TOKEN_INVALID',
    });
    await expect(adapter.isActive(foreign)).rejects.toMatchObject({ code: 'ERR_TOKEN_INVALID' });
  });

  test('the permission question is refused where the realm has no authorization services', async () => {
    const good = await token('gatehouse-service', secrets.service);
    const answer = await adapter
      .hasPermission(good, { resource: 'contacts', scopes: ['read'] })
      .catch((error: unknown) => error);
    expect(answer === false || (answer as { code?: string }).code === 'ERR_PROVIDER_UNAVAILABLE').toBe(true);
  });
});
