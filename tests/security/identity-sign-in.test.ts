import { Secret } from '../../kernel/index.ts';
import { startIdentityHouse } from '../support/identity-house.ts';
import { signInContract, type ContractUser, type SignInTarget } from '../support/sign-in-contract.ts';

const secrets = 'ABCDEFGH'.split('').map((letter) => `${letter}EZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ`);

signInContract('the embedded provider', startEmbedded, 60_000);

async function startEmbedded(): Promise<SignInTarget> {
  const house = await startIdentityHouse();
  const tenantSlug = 'contract';
  const tenantId = await house.db.createTenant(tenantSlug);
  await house.warm(tenantId);
  const users: ContractUser[] = secrets.map((totpSecret, index) => ({
    name: `user${index}@contract.example`,
    password: `a long password ${index}`,
    totpSecret,
  }));
  const client = await house.db.database.withTenant(tenantId, async (tx) => {
    for (const { name, password, totpSecret } of users) {
      await house.identity.createUser(tx, {
        email: name,
        displayName: name,
        password: new Secret(password),
        totpSecret: new Secret(totpSecret),
      });
    }
    return house.identity.createServiceAccount(tx, { name: 'svc-test' });
  });
  return {
    house,
    tenantSlug,
    users,
    stepUpMethod: 'totp',
    passwordFields: ({ name, password }) => ({ email: name, password, step: 'password' }),
    codeFields: (code) => ({ code, step: 'code' }),
    serviceToken: async () => {
      const credentials = Buffer.from(`${client.clientId}:${client.clientSecret.reveal()}`).toString(
        'base64',
      );
      const body = new URLSearchParams({ grant_type: 'client_credentials' });
      const response = await fetch(`${house.url}/oidc/token`, {
        method: 'POST',
        body,
        headers: { authorization: `Basic ${credentials}` },
      });
      const answer = (await response.json()) as { access_token?: string }; // RFC 6749 section 5.1
      if (answer.access_token === undefined) throw new Error(`no token: ${JSON.stringify(answer)}`);
      return answer.access_token;
    },
    close: house.close,
  };
}
