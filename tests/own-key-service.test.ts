import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startKeyService, type KeyService } from '../crypto/providers/key-service-fixture.ts';
import { parseTenantId, type Principal, type PrincipalId, type TenantId } from '../kernel/index.ts';
import { startTestHouse, type Caller, type TestHouse } from './support/house.ts';

/** A whole house in which one tenant holds its own key and takes it away. */

let house: TestHouse;
let service: KeyService;
let acme: TenantId;
let ours: Caller;
let theirs: Caller;
const purpose = { 'gatehouse-purpose': 'marketing' };
const contacts = '/v1/data/contacts/contact';

beforeAll(async () => {
  [house, service] = [await startTestHouse({ contacts: 10 }), await startKeyService()];
  const [first, second] = house.tenants;
  if (first === undefined || second === undefined) throw new Error('the demo has two tenants');
  acme = parseTenantId(first.id);
  ours = await house.as(first.slug, 'marketer');
  theirs = await house.as(second.slug, 'marketer');
}, 60_000);
afterAll(async () => {
  await service.close();
  await house.close();
});

const person = (): Principal => ({
  ...{ kind: 'user', tenantId: acme, id: randomUUID() as PrincipalId, displayName: 'Ada', email: null }, // a fresh uuid
  ...{ roles: [], attributes: {}, sessionId: null },
  assurance: { level: 2, authenticatedAt: new Date(), methods: ['pwd', 'otp'] },
});
/** As if the cache period were over, in every process. */
const forget = (): Promise<unknown> => house.db.admin(`select pg_notify('crypto_keys', 'everything')`);

async function until(path: string, caller: Caller, status: number): Promise<unknown> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const answer = await caller('GET', path, undefined, purpose);
    if (answer.status === status) return answer.body;
    if (Date.now() > deadline) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
    await new Promise((wake) => void setTimeout(wake, 100));
  }
}

test('its data is shut and says why, the other tenant notices nothing, and giving back opens everything', async () => {
  const { providers } = house.house.crypto;
  const shown = await providers.configure(person(), 'ours', {
    ...{ kind: 'hyok', url: service.url, keyId: 'key-1', algorithm: 'ECDH-ES', replayProtection: true },
  });
  service.publicKey = shown['publicKey'] as KeyService['publicKey']; // as its owner installs it
  const payload = { provider: 'ours' };
  const [proposedBy, proposalId] = [randomUUID(), randomUUID()];
  await providers.change({ tenantId: acme, payload, proposedBy, proposalId, approvedBy: person() });
  const before = await until(contacts, ours, 200);

  service.fault = 'refused';
  await forget();
  const refused = await until(contacts, ours, 503);
  expect(refused).toMatchObject({
    code: 'ERR_CRYPTO_KEY_REVOKED',
    detail: expect.stringContaining("the tenant's own key service refused"),
  });
  for (let round = 0; round < 3; round += 1)
    expect((await theirs('GET', contacts, undefined, purpose)).status).toBe(200);
  expect((await theirs('GET', '/health/ready')).status).toBe(200);

  service.fault = null;
  expect(await until(contacts, ours, 200)).toEqual(before);
}, 90_000);
