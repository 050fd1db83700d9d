import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Tx } from '../db/index.ts';
import type { TenantId } from '../kernel/index.ts';
import { createCryptoFixture, emailContext, newSubject, type CryptoFixture } from './crypto-fixture.ts';
import { fromText, toText } from './ct1.ts';
import { packRow, unpackRow } from './packed-row.ts';
import type { Crypto, FieldContext, KeyScope } from './types.ts';

let fixture: CryptoFixture;
let crypto: Crypto;
let tenant: TenantId;
let other: TenantId;
beforeAll(async () => {
  fixture = await createCryptoFixture();
  crypto = fixture.make();
  tenant = await fixture.db.createTenant();
  other = await fixture.db.createTenant();
});
afterAll(() => fixture.close());

const inTenant = <T>(work: (tx: Tx) => Promise<T>, id = tenant): Promise<T> =>
  fixture.db.database.withTenant(id, work);
const subject: KeyScope = { kind: 'subject', subjectId: newSubject() };
const purpose: KeyScope = { kind: 'tenant', purpose: 'tax' };
const refused = {
  code: 'ERR_CRYPTO_DECRYPT',
  message: 'the value cannot be decrypted; the log says why',
  details: {},
};
const scopes = fc.constantFrom(subject, purpose);
const bytes = fc.uint8Array({ maxLength: 600 });
const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((text) => !/[\0.]/.test(text.normalize('NFC')));
const contexts = fc.record({ service: name, collection: name, field: name, rowId: name, purpose: name });

test('any bytes open again in their own context, 38 bytes longer in between', async () => {
  await inTenant((tx) =>
    fc.assert(
      fc.asyncProperty(scopes, contexts, bytes, async (scope, context, plaintext) => {
        const sealed = await crypto.seal(tx, scope, context, plaintext);
        expect(sealed.length).toBe(plaintext.length + 38);
        expect(await crypto.open(tx, context, sealed)).toEqual({
          kind: 'plaintext',
          plaintext: Buffer.from(plaintext),
        });
      }),
    ),
  );
});

test('with any one bit flipped it gives the one error', async () => {
  await inTenant((tx) =>
    fc.assert(
      fc.asyncProperty(scopes, bytes, fc.nat(), async (scope, plaintext, position) => {
        const sealed = await crypto.seal(tx, scope, emailContext, plaintext);
        const bit = position % (sealed.length * 8);
        sealed[bit >> 3] = (sealed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await expect(crypto.open(tx, emailContext, sealed)).rejects.toMatchObject(refused);
      }),
      { numRuns: 400 },
    ),
  );
});

test('every single bit of the header and the tag counts', async () => {
  await inTenant(async (tx) => {
    const sealed = await crypto.seal(tx, subject, emailContext, Buffer.from('x'));
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await expect(crypto.open(tx, emailContext, changed)).rejects.toMatchObject(refused);
    }
  });
});

test('truncated or lengthened anywhere it gives the one error', async () => {
  await inTenant((tx) =>
    fc.assert(
      fc.asyncProperty(bytes, fc.nat(), bytes, async (plaintext, cut, extra) => {
        const sealed = await crypto.seal(tx, subject, emailContext, plaintext);
        await expect(
          crypto.open(tx, emailContext, sealed.subarray(0, cut % sealed.length)),
        ).rejects.toMatchObject(refused);
        const longer = Buffer.concat([sealed, Buffer.from([0]), extra]);
        await expect(crypto.open(tx, emailContext, longer)).rejects.toMatchObject(refused);
      }),
    ),
  );
});

test('in a context that differs in any one item it gives the one error', async () => {
  const item = fc.constantFrom<keyof FieldContext>('service', 'collection', 'field', 'rowId', 'purpose');
  await inTenant((tx) =>
    fc.assert(
      fc.asyncProperty(contexts, item, name, async (context, changed, value) => {
        fc.pre(context[changed].normalize('NFC') !== value.normalize('NFC'));
        const sealed = await crypto.seal(tx, subject, context, Buffer.from('x'));
        await expect(crypto.open(tx, { ...context, [changed]: value }, sealed)).rejects.toMatchObject(
          refused,
        );
      }),
    ),
  );
});

test.each(['service', 'collection', 'field', 'rowId', 'purpose'] as const)(
  'another %s of the same length gives the one error',
  async (item) => {
    await inTenant(async (tx) => {
      const sealed = await crypto.seal(tx, subject, emailContext, Buffer.from('x'));
      const changed = { ...emailContext, [item]: 'z'.repeat(emailContext[item].length) };
      await expect(crypto.open(tx, changed, sealed)).rejects.toMatchObject(refused);
    });
  },
);

test('items of a context cannot lend letters to each other', async () => {
  await inTenant(async (tx) => {
    const sealed = await crypto.seal(
      tx,
      subject,
      { ...emailContext, field: 'ab', rowId: 'c' },
      Buffer.from('x'),
    );
    await expect(crypto.open(tx, { ...emailContext, field: 'a', rowId: 'bc' }, sealed)).rejects.toMatchObject(
      refused,
    );
  });
});

test('carried to another tenant it gives the one error, even when the key row is carried along', async () => {
  const sealed = await inTenant((tx) => crypto.seal(tx, subject, emailContext, Buffer.from('x')));
  await expect(inTenant((tx) => crypto.open(tx, emailContext, sealed), other)).rejects.toMatchObject(refused);
  await inTenant(
    (tx) => crypto.seal(tx, purpose, emailContext, Buffer.from('gives the other tenant a KEK')),
    other,
  );
  await fixture.db.admin(
    `insert into crypto.dek (tenant_id, kid, subject_id, epoch, wrapped, commitment)
     select $2, kid, subject_id, epoch, wrapped, commitment from crypto.dek where tenant_id = $1 and kid = $3`,
    [tenant, other, sealed.subarray(2, 10)],
  );
  await expect(inTenant((tx) => crypto.open(tx, emailContext, sealed), other)).rejects.toMatchObject(refused);
});

test('a key row put under another person, or with other content, does not open', async () => {
  const scope: KeyScope = { kind: 'subject', subjectId: newSubject() };
  const sealed = await inTenant((tx) => crypto.seal(tx, scope, emailContext, Buffer.from('x')));
  const fresh = fixture.make();
  await fixture.db.admin(
    'update crypto.dek set subject_id = gen_random_uuid() where tenant_id = $1 and kid = $2',
    [tenant, sealed.subarray(2, 10)],
  );
  await expect(inTenant((tx) => fresh.open(tx, emailContext, sealed))).rejects.toMatchObject(refused);
  await fixture.db.admin(
    'update crypto.dek set subject_id = $3, commitment = sha256(commitment) where tenant_id = $1 and kid = $2',
    [tenant, sealed.subarray(2, 10), scope.subjectId],
  );
  await expect(inTenant((tx) => fresh.open(tx, emailContext, sealed))).rejects.toMatchObject(refused);
});

test('a field does not open as a packed row, nor a row as a field', async () => {
  await inTenant(async (tx) => {
    const values = new Map([['a', Buffer.from('1')]]);
    const field = await crypto.seal(tx, subject, emailContext, packRow(values));
    const row = await crypto.sealRow(tx, subject, emailContext, values);
    expect(row.length).toBe(38 + packRow(values).length);
    await expect(crypto.openRow(tx, emailContext, field)).rejects.toMatchObject(refused);
    await expect(crypto.open(tx, emailContext, row)).rejects.toMatchObject(refused);
    row[0] = 0x01;
    await expect(crypto.open(tx, emailContext, row)).rejects.toMatchObject(refused);
  });
});

test('a packed row unpacks to what was packed, and arbitrary bytes never crash', () => {
  const values = fc.uniqueArray(fc.tuple(fc.string({ minLength: 1, maxLength: 30 }), bytes), {
    selector: ([key]) => key,
    maxLength: 10,
  });
  fc.assert(
    fc.property(values, (entries) => {
      const packed = packRow(new Map(entries));
      expect([...(unpackRow(packed) ?? [])]).toEqual(
        entries.map(([key, value]) => [key, Buffer.from(value)]),
      );
    }),
  );
  fc.assert(fc.property(bytes, (input) => void unpackRow(Buffer.from(input))));
});

test('the text form comes back byte for byte and refuses every other spelling', () => {
  fc.assert(fc.property(bytes, (input) => expect(fromText(toText(input))).toEqual(Buffer.from(input))));
  for (const text of ['', 'ct1', 'CT1.AA', 'ct1.A', 'ct1.AB', 'ct1.AA==', 'ct1.A A', 'ct2.AA'])
    expect(fromText(text)).toBeNull();
});
