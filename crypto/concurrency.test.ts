import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Tx } from '../db/index.ts';
import type { SubjectId, TenantId } from '../kernel/index.ts';
import {
  contactPlan,
  createCryptoFixture,
  emailContext,
  erasure,
  newSubject,
  type CryptoFixture,
} from './crypto-fixture.ts';
import type { Crypto, KeyScope } from './types.ts';

let fixture: CryptoFixture;
beforeAll(async () => {
  fixture = await createCryptoFixture();
});
afterAll(() => fixture.close());

const plaintext = Buffer.from('ada@example.com');
const scopeOf = (subjectId: SubjectId): KeyScope => ({ kind: 'subject', subjectId });
const inTenant = <T>(id: TenantId, work: (tx: Tx) => Promise<T>): Promise<T> =>
  fixture.db.database.withTenant(id, work);
const sealIn = (crypto: Crypto, tenant: TenantId, subjectId: SubjectId): Promise<Buffer> =>
  inTenant(tenant, (tx) => crypto.seal(tx, scopeOf(subjectId), emailContext, plaintext));
const count = async (table: string, tenant: TenantId): Promise<number> =>
  Number(
    (await fixture.db.admin(`select count(*) as n from crypto.${table} where tenant_id = $1`, [tenant]))
      .rows[0].n,
  );

test('many processes that seal first for one person make one tenant key and one personal key', async () => {
  const tenant = await fixture.db.createTenant();
  const subjectId = newSubject();
  const cryptos = Array.from({ length: 8 }, () => fixture.make());
  const sealed = await Promise.all(cryptos.map((crypto) => sealIn(crypto, tenant, subjectId)));
  expect([await count('kek', tenant), await count('dek', tenant)]).toEqual([1, 1]);
  const reader = fixture.make();
  for (const value of sealed)
    expect(await inTenant(tenant, (tx) => reader.open(tx, emailContext, value))).toEqual({
      kind: 'plaintext',
      plaintext,
    });
});

test('bulk writers with overlapping people in different orders neither deadlock nor make two keys', async () => {
  const tenant = await fixture.db.createTenant();
  const people = Array.from({ length: 300 }, newSubject);
  const rows = people.map((subjectId, index) => ({
    id: `row-${index}`,
    subject_id: subjectId,
    email: `p${index}@example.com`,
  }));
  const orders = [
    rows,
    rows.toReversed(),
    rows.toSorted((a, b) => (a.email < b.email ? -1 : 1)),
    rows.slice(100).concat(rows.slice(0, 100)),
  ];
  const results = await Promise.all(
    orders.map((order) => inTenant(tenant, (tx) => fixture.make().sealRows(tx, contactPlan, order))),
  );
  expect(await count('dek', tenant)).toBe(people.length + 1); // and the index key
  const opened = await inTenant(tenant, (tx) =>
    fixture.make().openRows(tx, contactPlan, results.flat(), ['email']),
  );
  expect(opened).toHaveLength(1_200);
});

test('a key whose transaction was rolled back seals nothing afterwards', async () => {
  const tenant = await fixture.db.createTenant();
  const subjectId = newSubject();
  const crypto = fixture.make();
  await crypto.warm(tenant);
  const abandoned = inTenant(tenant, async (tx) => {
    await crypto.seal(tx, scopeOf(subjectId), emailContext, plaintext);
    throw new Error('changed my mind');
  });
  await expect(abandoned).rejects.toThrow('changed my mind');
  const sealed = await sealIn(crypto, tenant, subjectId);
  expect(await inTenant(tenant, (tx) => fixture.make().open(tx, emailContext, sealed))).toEqual({
    kind: 'plaintext',
    plaintext,
  });
});

test('a tenant key whose transaction was rolled back wraps nothing afterwards', async () => {
  const tenant = await fixture.db.createTenant();
  const crypto = fixture.make();
  await crypto.warm(await fixture.db.createTenant());
  const abandoned = inTenant(tenant, async (tx) => {
    await crypto.seal(tx, scopeOf(newSubject()), emailContext, plaintext);
    throw new Error('changed my mind');
  });
  await expect(abandoned).rejects.toThrow('changed my mind');
  const sealed = await sealIn(crypto, tenant, newSubject());
  expect(await inTenant(tenant, (tx) => fixture.make().open(tx, emailContext, sealed))).toEqual({
    kind: 'plaintext',
    plaintext,
  });
});

test('shredding in one process is seen by another within a second, cached key or not', async () => {
  const tenant = await fixture.db.createTenant();
  const subjectId = newSubject();
  const [one, two] = [fixture.make(), fixture.make()];
  await Promise.all([one.warm(tenant), two.warm(tenant)]);
  const sealed = await sealIn(one, tenant, subjectId);
  const readByTwo = () => inTenant(tenant, (tx) => two.open(tx, emailContext, sealed));
  await readByTwo();
  await fixture.db.admin(`update crypto.dek set wrapped = wrapped || '' where tenant_id = $1`, [tenant]);
  expect(await readByTwo()).toMatchObject({ kind: 'plaintext' });
  const startedAt = performance.now();
  await inTenant(tenant, (tx) => one.shred(tx, [subjectId], erasure));
  let seen = await readByTwo();
  while (seen.kind === 'plaintext' && performance.now() - startedAt < 5_000) {
    await sleep(5);
    seen = await readByTwo();
  }
  expect(seen).toMatchObject({ kind: 'shredded', requestId: erasure.requestId });
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

test('the transaction that shreds reads its own tombstone, and a rollback brings the data back', async () => {
  const tenant = await fixture.db.createTenant();
  const subjectId = newSubject();
  const [crypto, uncached] = [fixture.make(), fixture.make()];
  await crypto.warm(tenant);
  const sealed = await sealIn(crypto, tenant, subjectId);
  const abandoned = inTenant(tenant, async (tx) => {
    for (const reader of [crypto, uncached]) await reader.open(tx, emailContext, sealed);
    await uncached.shred(tx, [subjectId], erasure);
    expect(await uncached.open(tx, emailContext, sealed)).toMatchObject({ kind: 'shredded' });
    throw new Error('changed my mind');
  });
  await expect(abandoned).rejects.toThrow('changed my mind');
  expect(await inTenant(tenant, (tx) => crypto.open(tx, emailContext, sealed))).toEqual({
    kind: 'plaintext',
    plaintext,
  });
});

test('shredding waits for a transaction that is making the very key, and destroys it', async () => {
  const tenant = await fixture.db.createTenant();
  const subjectId = newSubject();
  const crypto = fixture.make();
  await crypto.warm(tenant);
  const gate = Promise.withResolvers<void>();
  const sealedInside = Promise.withResolvers<Buffer>();
  const writing = inTenant(tenant, async (tx) => {
    sealedInside.resolve(await crypto.seal(tx, scopeOf(subjectId), emailContext, plaintext));
    await gate.promise;
  });
  const sealed = await sealedInside.promise;
  const shredding = inTenant(tenant, (tx) => crypto.shred(tx, [subjectId], erasure));
  await sleep(100);
  gate.resolve();
  await writing;
  expect((await shredding).kids).toHaveLength(1);
  expect(await inTenant(tenant, (tx) => crypto.open(tx, emailContext, sealed))).toMatchObject({
    kind: 'shredded',
  });
});

test('a person who never had a key gets none after being shredded', async () => {
  const tenant = await fixture.db.createTenant();
  const subjectId = newSubject();
  const crypto = fixture.make();
  expect(await inTenant(tenant, (tx) => crypto.shred(tx, [subjectId], erasure))).toEqual({
    kids: [],
    ledgerIds: [],
  });
  await expect(sealIn(crypto, tenant, subjectId)).rejects.toMatchObject({ code: 'ERR_CRYPTO_SHREDDED' });
});

test('after the notification connection broke, no cached key survives', async () => {
  const tenant = await fixture.db.createTenant();
  const subjectId = newSubject();
  const crypto = fixture.make();
  await crypto.warm(tenant);
  const sealed = await sealIn(crypto, tenant, subjectId);
  await fixture.db.admin(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'gatehouse-listener' and datname = current_database()`,
  );
  // Shredded by hand, so that nobody is notified.
  await fixture.db.admin(
    `update crypto.dek set state = 'shredded', wrapped = null, commitment = null, shredded_at = now() where tenant_id = $1 and subject_id = $2`,
    [tenant, subjectId],
  );
  await sleep(1_500);
  expect(await inTenant(tenant, (tx) => crypto.open(tx, emailContext, sealed))).toMatchObject({
    kind: 'shredded',
  });
});
