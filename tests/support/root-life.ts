import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import type { RootProvider } from '../../crypto/root-provider.ts';
import {
  contactPlan,
  createCryptoFixture,
  erasure,
  newSubject,
  type CryptoFixture,
} from '../../crypto/crypto-fixture.ts';
import type { TenantId } from '../../kernel/index.ts';

type Held = { readonly epoch: number; readonly provider: string; readonly wrapped: Buffer };

/**
 * The life of a tenant's keys under a root provider of the house: seal, rotate, erase, retire, and what a backup from
 * before is worth afterwards.
 *
 * @param make - the provider as another process would make it, on the same counterpart
 */
export function testRootLife(make: () => RootProvider): void {
  let fixture: CryptoFixture;
  beforeAll(async () => {
    fixture = await createCryptoFixture();
  });
  afterAll(() => fixture.close());

  test('a tenant seals, rotates and retires under it, and a key from before opens nothing afterwards', async () => {
    const tenant = await fixture.db.createTenant();
    const { database, adminUrl } = fixture.db;
    const crypto = fixture.make({ root: make(), recordProviderCalls: true });
    const people = [newSubject(), newSubject()];
    const sealed = await database.withTenant(tenant, (tx) =>
      crypto.sealRows(
        tx,
        contactPlan,
        people.map((id) => ({ id, subject_id: id, email: `${id}@example.com` })),
      ),
    );
    const open = async (root: RootProvider): Promise<unknown> => {
      const other = fixture.make({ root });
      return database.withTenant(tenant, (tx) => other.openRows(tx, contactPlan, sealed, ['email']));
    };
    const backup = await readKeys(adminUrl, tenant);
    expect(backup).toMatchObject([{ epoch: 1, provider: make().name }]);

    await crypto.rotate(tenant, { actor: erasure.actor });
    expect(await open(make())).toMatchObject(people.map((id) => ({ email: `${id}@example.com` })));
    await database.withTenant(tenant, (tx) => crypto.shred(tx, people.slice(0, 1), erasure));
    const old = backup[0]?.wrapped ?? Buffer.alloc(0);
    expect(await make().unwrap(tenant, 1, old)).toHaveLength(32); // what a backup from before is still worth

    await fixture.retire(crypto, tenant, 1);
    await expect(make().unwrap(tenant, 1, old)).rejects.toMatchObject({ code: 'ERR_CRYPTO_KEY_REVOKED' });
    expect(await open(make())).toMatchObject([
      { email: { tombstone: true } },
      { email: `${people[1] ?? ''}@example.com` },
    ]);
    await untilCalled(fixture);
  });
}

/** Events of calls are written beside the work, a little later. */
async function untilCalled({ events }: CryptoFixture): Promise<void> {
  const isThere = (): boolean =>
    events.some(({ definition }) => definition.action === 'crypto.provider_called');
  for (let attempt = 0; attempt < 200 && !isThere(); attempt += 1) await wait(50);
  expect(isThere()).toBe(true);
}

async function readKeys(adminUrl: string, tenant: TenantId): Promise<readonly Held[]> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const text = 'select epoch, provider, wrapped from crypto.kek where tenant_id = $1 order by epoch';
    return (await client.query<Held>(text, [tenant])).rows;
  } finally {
    await client.end();
  }
}
