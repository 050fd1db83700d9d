import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  contactPlan,
  createCryptoFixture,
  emailContext,
  erasure,
  newSubject,
  type CryptoFixture,
} from './crypto-fixture.ts';
import type { Crypto } from './types.ts';

let fixture: CryptoFixture;
let crypto: Crypto;
beforeAll(async () => {
  fixture = await createCryptoFixture();
  crypto = fixture.make();
});
afterAll(() => fixture.close());

const plaintext = Buffer.from('ada@example.com');
const contact = (subjectId: string): Record<string, unknown> => ({
  id: randomUUID(),
  subject_id: subjectId,
  email: 'Ada@Example.COM',
  phone: '+48 600 100 200',
  first_name: 'Ada',
  last_name: null,
  city: 'Łódź',
  region: 'eu',
});

test('what is sealed opens again, in the same and in later transactions', async () => {
  const tenant = await fixture.db.createTenant();
  const scope = { kind: 'subject', subjectId: newSubject() } as const;
  const sealed = await fixture.db.database.withTenant(tenant, async (tx) => {
    const value = await crypto.seal(tx, scope, emailContext, plaintext);
    expect(await crypto.open(tx, emailContext, value)).toEqual({ kind: 'plaintext', plaintext });
    return value;
  });
  expect(sealed.length).toBe(plaintext.length + 38);
  const opened = await fixture.db.database.withTenant(tenant, (tx) =>
    fixture.make().open(tx, emailContext, sealed),
  );
  expect(opened).toEqual({ kind: 'plaintext', plaintext });
});

test('rows go through a plan and come back, untouched columns as they were', async () => {
  const tenant = await fixture.db.createTenant();
  const row = contact(newSubject());
  await fixture.db.database.withTenant(tenant, async (tx) => {
    const [sealed = {}] = await crypto.sealRows(tx, contactPlan, [row]);
    expect(sealed['region']).toBe('eu');
    expect(sealed['last_name']).toBeNull();
    expect((sealed['email_bidx'] as Buffer).length).toBe(16);
    expect((sealed['email_domain_bidx'] as Buffer).length).toBe(3);
    expect(await crypto.indexTerms(tx, contactPlan, 'email', 'exact', ' ada@example.com ')).toEqual([
      sealed['email_bidx'],
    ]);
    expect(await crypto.indexTerms(tx, contactPlan, 'email', 'domain', 'EXAMPLE.com')).toEqual([
      sealed['email_domain_bidx'],
    ]);
    expect(await crypto.indexTerms(tx, contactPlan, 'phone', 'exact', '0048600100200')).toEqual([
      sealed['phone_bidx'],
    ]);
    const [opened] = await crypto.openRows(
      tx,
      contactPlan,
      [sealed],
      ['email', 'phone', 'first_name', 'last_name', 'city'],
    );
    expect(opened).toEqual(row);
  });
});

describe('shredding', () => {
  test('leaves a tombstone, a ledger entry and an event, and refuses a new key', async () => {
    const tenant = await fixture.db.createTenant();
    const subjectId = newSubject();
    const row = contact(subjectId);
    const sealed = await fixture.db.database.withTenant(tenant, (tx) =>
      crypto.sealFields(tx, contactPlan, row),
    );
    const { kids, ledgerIds } = await fixture.db.database.withTenant(tenant, (tx) =>
      crypto.shred(tx, [subjectId], erasure),
    );
    expect([kids.length, ledgerIds.length]).toEqual([1, 1]);
    await fixture.db.database.withTenant(tenant, async (tx) => {
      const [opened] = await crypto.openRows(tx, contactPlan, [sealed], ['email', 'last_name']);
      expect(opened).toMatchObject({
        email: { tombstone: true, requestId: erasure.requestId },
        last_name: null,
        region: 'eu',
      });
      const [entry] = await crypto.ledger(tx, { after: null, limit: 10 });
      expect(entry).toMatchObject({
        id: ledgerIds[0],
        kid: kids[0],
        reason: erasure.reason,
        actor: { kind: 'system', id: 'dsr' },
      });
      await expect(crypto.sealFields(tx, contactPlan, row)).rejects.toMatchObject({
        code: 'ERR_CRYPTO_SHREDDED',
      });
    });
    const { rows } = await fixture.db.admin(
      'select wrapped, commitment from crypto.dek where subject_id = $1',
      [subjectId],
    );
    expect(rows).toEqual([{ wrapped: null, commitment: null }]);
    expect(fixture.events.at(-1)).toMatchObject({
      definition: { action: 'crypto.keys_shredded' },
      subjects: [subjectId],
    });
  });
});

test('a text comes back as it was, byte-order mark and replacement character included', async () => {
  const tenant = await fixture.db.createTenant();
  const texts = ['\ufeffŁódź', 'a\ufffdb', '', '\u0000'];
  const rows = texts.map((city, index) => ({ id: `row-${index}`, subject_id: newSubject(), city }));
  const opened = await fixture.db.database.withTenant(tenant, async (tx) => {
    const crypto = fixture.make();
    return crypto.openRows(tx, contactPlan, await crypto.sealRows(tx, contactPlan, rows), ['city']);
  });
  expect(opened.map(({ city }) => city)).toEqual(texts);
});
