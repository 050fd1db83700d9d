import { createSecretKey, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Tx } from '../db/index.ts';
import { parseKeyId, parseTenantId, type TenantId } from '../kernel/index.ts';
import { createCryptoFixture, emailContext, newSubject, type CryptoFixture } from './crypto-fixture.ts';
import { parseCiphertext } from './ct1.ts';
import { countMessages, createDataKey } from './data-key.ts';
import type { Crypto, FieldContext, KeyScope } from './types.ts';

let fixture: CryptoFixture;
let crypto: Crypto;
let tenant: TenantId;
beforeAll(async () => {
  fixture = await createCryptoFixture();
  crypto = fixture.make();
  tenant = await fixture.db.createTenant();
});
afterAll(() => fixture.close());

const inTenant = <T>(work: (tx: Tx) => Promise<T>, id = tenant): Promise<T> =>
  fixture.db.database.withTenant(id, work);
const subject: KeyScope = { kind: 'subject', subjectId: newSubject() };
const purpose: KeyScope = { kind: 'tenant', purpose: 'tax' };
const refused = { code: 'ERR_CRYPTO_DECRYPT' };
const bytes = fc.uint8Array({ maxLength: 600 });

/** A process that finds the tenant's key with this many messages behind it. */
async function withMessages(scope: Extract<KeyScope, { kind: 'tenant' }>, messages: number): Promise<Crypto> {
  await inTenant((tx) => crypto.seal(tx, scope, emailContext, Buffer.from('makes the key')));
  await fixture.db.admin('update crypto.dek set messages = $3 where tenant_id = $1 and purpose = $2', [
    tenant,
    scope.purpose,
    messages,
  ]);
  return fixture.make();
}

test("a tenant's key passes to suite 02 after 2^24 messages, and both sides of the border open", async () => {
  const own = await withMessages({ kind: 'tenant', purpose: 'border' }, 2 ** 24 - 1);
  const scope: KeyScope = { kind: 'tenant', purpose: 'border' };
  await inTenant(async (tx) => {
    const before = await own.seal(tx, scope, emailContext, Buffer.from('a'));
    const after = await own.seal(tx, scope, emailContext, Buffer.from('a'));
    expect([before[0], after[0]]).toEqual([0x01, 0x02]);
    expect([before.length, after.length]).toEqual([1 + 38, 1 + 50]);
    for (const sealed of [before, after])
      expect(await own.open(tx, emailContext, sealed)).toEqual({
        kind: 'plaintext',
        plaintext: Buffer.from('a'),
      });
  });
});

test('under suite 02 a key goes on beyond 2^31 messages; its packed rows and portable values stop there', () => {
  const key = createDataKey({
    tenantId: parseTenantId(randomUUID()),
    kid: parseKeyId('00'.repeat(8)),
    kidBytes: Buffer.alloc(8),
    scope: purpose,
    material: createSecretKey(Buffer.alloc(32, 7)),
    messages: 2 ** 31,
    countedAhead: 0,
    onUncounted: () => undefined,
  });
  countMessages(key, 1, 0x02);
  for (const suite of [0x01, 0x03, 0x04] as const)
    expect(() => countMessages(key, 1, suite)).toThrow(/2\^31/);
});

test('a key that has sealed nearly 2^31 is replaced when it is read again', async () => {
  const scope: KeyScope = { kind: 'tenant', purpose: 'events' };
  const own = await withMessages({ kind: 'tenant', purpose: 'events' }, 2 ** 31);
  await inTenant(async (tx) => {
    const row = await own.sealRow(tx, scope, emailContext, new Map([['a', Buffer.from('a')]]));
    expect(await own.openRow(tx, emailContext, row)).toMatchObject({ kind: 'plaintext' });
  });
  const { rows } = await fixture.db.admin(
    `select state, current from crypto.dek where tenant_id = $1 and purpose = 'events' order by current`,
    [tenant],
  );
  expect(rows).toEqual([
    { state: 'superseded', current: false },
    { state: 'active', current: true },
  ]);
});

test('a portable value opens in its own context only, 70 bytes longer in between', async () => {
  const item = fc.constantFrom<keyof FieldContext>('service', 'collection', 'field', 'rowId', 'purpose');
  await inTenant((tx) =>
    fc.assert(
      fc.asyncProperty(fc.constantFrom(subject, purpose), bytes, item, async (scope, plaintext, changed) => {
        const sealed = await crypto.sealPortable(tx, scope, emailContext, plaintext);
        expect(sealed.length).toBe(plaintext.length + 70);
        const opened = { kind: 'plaintext', plaintext: Buffer.from(plaintext) };
        expect(await crypto.open(tx, emailContext, sealed)).toEqual(opened);
        const elsewhere = { ...emailContext, [changed]: 'z' };
        await expect(crypto.open(tx, elsewhere, sealed)).rejects.toMatchObject(refused);
      }),
    ),
  );
});

test('suites 02 and 04 with any one bit flipped, or cut anywhere, give the one error', async () => {
  const own = await withMessages({ kind: 'tenant', purpose: 'flips' }, 2 ** 24);
  const scope: KeyScope = { kind: 'tenant', purpose: 'flips' };
  await inTenant(async (tx) => {
    for (const seal of [own.seal, own.sealPortable]) {
      const sealed = await seal(tx, scope, emailContext, Buffer.from('x'));
      for (let bit = 0; bit < sealed.length * 8; bit += 1) {
        const changed = Buffer.from(sealed);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await expect(own.open(tx, emailContext, changed)).rejects.toMatchObject(refused);
      }
      for (let length = 0; length < sealed.length; length += 1)
        await expect(own.open(tx, emailContext, sealed.subarray(0, length))).rejects.toMatchObject(refused);
    }
  });
});

test('a portable value of one tenant does not open for another, whose key has the same id and other bytes', async () => {
  const other = await fixture.db.createTenant();
  const sealed = await inTenant((tx) => crypto.sealPortable(tx, purpose, emailContext, Buffer.from('x')));
  const foreign = await inTenant(
    (tx) => crypto.sealPortable(tx, purpose, emailContext, Buffer.from('x')),
    other,
  );
  foreign.copy(sealed, 2, 2, 10); // the other's key id
  await expect(inTenant((tx) => crypto.open(tx, emailContext, sealed), other)).rejects.toMatchObject(refused);
  foreign.copy(sealed, 22, 22, 54); // and its commitment
  await expect(inTenant((tx) => crypto.open(tx, emailContext, sealed), other)).rejects.toMatchObject(refused);
});

test('every suite, flag and length that is not written down is refused before any key is looked for', () => {
  const form = (suite: number, flags: number, length: number): Buffer => {
    const value = Buffer.alloc(length);
    value.set([suite, flags]);
    return value;
  };
  const allowed = new Map([
    [1, [0, 4]],
    [2, [4]],
    [4, [0, 4]],
  ]);
  for (let suite = 0; suite < 256; suite += 1)
    for (let flags = 0; flags < 256; flags += 1)
      expect(parseCiphertext(form(suite, flags, 80), 'field') !== null).toBe(
        allowed.get(suite)?.includes(flags) ?? false,
      );
  for (const [suite, least] of [
    [1, 38],
    [2, 50],
    [4, 70],
  ] as const) {
    expect(parseCiphertext(form(suite, 4, least - 1), 'field')).toBeNull();
    expect(parseCiphertext(form(suite, 4, least), 'field')).not.toBeNull();
    expect(parseCiphertext(form(suite, 4, least + 16 * 1024 * 1024 + 1), 'field')).toBeNull();
  }
  for (const suite of [0, 1, 2, 4, 5, 6, 255]) expect(parseCiphertext(form(suite, 4, 80), 'row')).toBeNull();
});
