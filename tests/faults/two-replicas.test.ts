import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  createCryptoFixture,
  contactPlan,
  erasure,
  newSubject,
  type CryptoFixture,
} from '../../crypto/crypto-fixture.ts';
import { createDatabase, deriveConnectionUrls, type Database } from '../../db/index.ts';
import { silentLogger } from '../../kernel/index.ts';

/** Two replicas: the same database and root, everything else their own. */
let fixture: CryptoFixture;
let second: Database;
beforeAll(async () => {
  fixture = await createCryptoFixture();
  second = createDatabase({ urls: deriveConnectionUrls(fixture.db.adminUrl), logger: silentLogger });
});
afterAll(async () => {
  await second.close();
  await fixture.close();
});

test('what one replica shreds, the other neither opens nor seals under once the notification has gone through', async () => {
  const tenant = await fixture.db.createTenant();
  const here = fixture.make();
  const there = fixture.make({ database: second });
  const subject = newSubject();
  const plain = { id: subject, subject_id: subject, email: 'ada@example.com' };
  const sealed = await fixture.db.database.withTenant(tenant, (tx) =>
    here.sealFields(tx, contactPlan, plain),
  );
  const read = async (): Promise<unknown> =>
    (await second.withTenant(tenant, (tx) => there.openRows(tx, contactPlan, [sealed], ['email'])))[0]?.[
      'email'
    ];
  await there.warm(tenant); // keys are held only once notifications are heard
  expect(await read()).toBe('ada@example.com'); // from now on the other replica has the key in memory
  // A notification is handed out in the order of commits, so this one arrives after that of the shred.
  let arrived: () => void = () => undefined;
  const after = new Promise<void>((done) => (arrived = done));
  const end = await second.listener.subscribe('crypto_keys', (payload) => {
    if (payload.startsWith(tenant)) arrived();
  });
  await fixture.db.database.withTenant(tenant, (tx) => here.shred(tx, [subject], erasure));
  const committed = performance.now();
  await after;
  const milliseconds = performance.now() - committed;
  end();
  expect(await read()).toMatchObject({ tombstone: true });
  await expect(
    second.withTenant(tenant, (tx) => there.sealFields(tx, contactPlan, plain)),
  ).rejects.toMatchObject({
    code: 'ERR_CRYPTO_SHREDDED',
  });
  expect(milliseconds).toBeLessThan(1_000); // the promise; a notification takes a few milliseconds
});
