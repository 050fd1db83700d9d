import { Secret } from '../../kernel/index.ts';
import { startIdentityHouse } from '../support/identity-house.ts';
import { signInContract, type ContractUser, type SignInTarget } from '../support/sign-in-contract.ts';
import { fillRealm } from './keycloak-realm.ts';
import { startKeycloak } from './start-keycloak.ts';

const secrets = {
  console: 'console-secret-of-a-test-realm',
  api: 'api-secret-of-a-test-realm',
  service: 'service-secret-of-a-test-realm',
};
const letters = 'ABCDEFGH'.split('');
const users: readonly ContractUser[] = letters.map((letter, index) => ({
  name: `user${index}`,
  password: `a long password ${index}`,
  totpSecret: `${letter}EZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ`,
}));

signInContract('a real Keycloak', start, 240_000);

async function start(): Promise<SignInTarget> {
  const keycloak = await startKeycloak();
  const house = await startIdentityHouse();
  await keycloak.createRealm(await fillRealm(house.url, secrets, users));
  const issuer = `${keycloak.url}/realms/gatehouse`;
  const tenantId = await house.db.createTenant('contract');
  await house.warm(tenantId);
  await house.db.database.withTenant(tenantId, (tx) =>
    house.identity.createConnection(tx, {
      name: 'Keycloak',
      kind: 'keycloak',
      issuer,
      clientId: 'gatehouse-console',
      clientSecret: new Secret(secrets.console),
      audience: 'gatehouse-api',
      authorizedParties: ['gatehouse-service'],
      roleClaim: 'realm_access.roles',
      roleMapping: { 'gatehouse-auditor': 'auditor' },
    }),
  );
  return {
    house,
    tenantSlug: 'contract',
    users,
    stepUpMethod: 'redirect',
    passwordFields: ({ name, password }) => ({ username: name, password }),
    codeFields: (code) => ({ otp: code }),
    serviceToken: async () => {
      const body = new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: 'gatehouse-service',
        client_secret: secrets.service,
      });
      const response = await fetch(`${issuer}/protocol/openid-connect/token`, { method: 'POST', body });
      const answer = (await response.json()) as { access_token?: string }; // RFC 6749 section 5.1
      if (answer.access_token === undefined) throw new Error(`no token: ${JSON.stringify(answer)}`);
      return answer.access_token;
    },
    close: async () => {
      await house.close();
      await keycloak.stop();
    },
  };
}
