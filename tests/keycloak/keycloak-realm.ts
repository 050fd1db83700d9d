import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContractUser } from '../support/sign-in-contract.ts';

/** Secrets of the realm's clients. */
export type RealmSecrets = { readonly console: string; readonly api: string; readonly service: string };

/** The realm that we ship, filled for one house, with people in it. */
export async function fillRealm(
  houseUrl: string,
  secrets: RealmSecrets,
  users: readonly ContractUser[],
): Promise<object> {
  const file = join(import.meta.dirname, '..', '..', 'deploy', 'keycloak', 'realm.json');
  const text = (await readFile(file, 'utf8'))
    .replaceAll('${GATEHOUSE_URL}', houseUrl)
    .replaceAll('${GATEHOUSE_CONSOLE_SECRET}', secrets.console)
    .replaceAll('${GATEHOUSE_API_SECRET}', secrets.api)
    .replaceAll('${GATEHOUSE_SERVICE_SECRET}', secrets.service);
  return { ...(JSON.parse(text) as object), users: users.map(toUser) };
}

function toUser({ name, password, totpSecret }: ContractUser): object {
  const credentialData = {
    subType: 'totp',
    period: 30,
    digits: 6,
    algorithm: 'HmacSHA1',
    counter: 0,
    secretEncoding: 'BASE32',
  };
  return {
    username: name,
    email: `${name}@contract.example`,
    emailVerified: true,
    enabled: true,
    firstName: 'Contract',
    lastName: name,
    realmRoles: ['gatehouse-auditor'],
    credentials: [
      { type: 'password', value: password },
      {
        type: 'otp',
        secretData: JSON.stringify({ value: totpSecret }),
        credentialData: JSON.stringify(credentialData),
      },
    ],
  };
}
