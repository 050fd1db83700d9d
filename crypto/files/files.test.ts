import { randomBytes } from 'node:crypto';
import { PassThrough, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Tx } from '../../db/index.ts';
import type { TenantId } from '../../kernel/index.ts';
import {
  createCryptoFixture,
  emailContext,
  erasure,
  newSubject,
  type CryptoFixture,
} from '../crypto-fixture.ts';
import type { Crypto, FieldContext, FileOpener, KeyScope } from '../types.ts';
import { takeHead } from './file-head.ts';

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
const scope: KeyScope = { kind: 'subject', subjectId: newSubject() };
const refused = { code: 'ERR_CRYPTO_DECRYPT', message: 'the value cannot be decrypted; the log says why' };

async function collect(source: AsyncIterable<unknown>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of source) pieces.push(piece as Buffer); // streams of bytes
  return Buffer.concat(pieces);
}

async function openerOf(file: Buffer, context = emailContext): Promise<FileOpener> {
  const opener = await inTenant((tx) => crypto.files.opener(tx, context, file));
  if (opener.kind === 'shredded') throw new Error('shredded');
  return opener;
}

test('a stream sealed in one transaction opens as a stream, in one piece and by ranges, 66 bytes and 16 a chunk longer', async () => {
  const plaintext = randomBytes(100_000);
  const sealer = await inTenant((tx) => crypto.files.sealer(tx, scope, emailContext));
  const file = await collect(Readable.from([plaintext]).pipe(sealer));
  expect(file.length).toBe(plaintext.length + 66 + 7 * 16);
  expect(file[0]).toBe(0x05);
  const source = Readable.from([file.subarray(0, 3), file.subarray(3, 70), file.subarray(70)], {
    objectMode: false,
  });
  const opener = await openerOf(await takeHead(source));
  expect(await collect(source.pipe(opener.stream()))).toEqual(plaintext);
  expect(await inTenant((tx) => crypto.files.open(tx, emailContext, file))).toEqual({
    kind: 'plaintext',
    plaintext,
  });
  const access = { size: file.length, read: async (start: number, end: number) => file.subarray(start, end) };
  expect(await opener.read(access, 16_000, 50_000)).toEqual(plaintext.subarray(16_000, 50_000));
  expect(opener.plaintextBytes(file.length)).toBe(plaintext.length);
  await expect(opener.read(access, 5, 4)).rejects.toMatchObject({ code: 'ERR_CRYPTO_INPUT' });
  await expect(opener.read(access, 0, 2 ** 25)).rejects.toMatchObject({ code: 'ERR_CRYPTO_INPUT' });
});

test.each([0, 1, 16_383, 16_384, 40_000])(
  'a file of %d bytes in one piece opens in one piece',
  async (size) => {
    const plaintext = randomBytes(size);
    await inTenant(async (tx) => {
      const file = await crypto.files.seal(tx, scope, emailContext, plaintext);
      expect(await crypto.files.open(tx, emailContext, file)).toEqual({ kind: 'plaintext', plaintext });
    });
  },
);

test.each(['service', 'collection', 'field', 'rowId', 'purpose'] as const)(
  'a file with another %s gives the one error before any chunk is touched',
  async (item: keyof FieldContext) => {
    const file = await inTenant((tx) => crypto.files.seal(tx, scope, emailContext, Buffer.from('x')));
    const elsewhere = { ...emailContext, [item]: 'z'.repeat(emailContext[item].length) };
    await expect(openerOf(file, elsewhere)).rejects.toMatchObject(refused);
    await expect(inTenant((tx) => crypto.files.open(tx, elsewhere, file))).rejects.toMatchObject(refused);
  },
);

test('a file carried to another tenant, with another header or too short gives the one error', async () => {
  const file = await inTenant((tx) => crypto.files.seal(tx, scope, emailContext, Buffer.from('x')));
  await expect(inTenant((tx) => crypto.files.open(tx, emailContext, file), other)).rejects.toMatchObject(
    refused,
  );
  for (let bit = 0; bit < file.length * 8; bit += 1) {
    const changed = Buffer.from(file);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await expect(inTenant((tx) => crypto.files.open(tx, emailContext, changed))).rejects.toMatchObject(
      refused,
    );
  }
  for (let length = 0; length < file.length; length += 1)
    await expect(
      inTenant((tx) => crypto.files.open(tx, emailContext, file.subarray(0, length))),
    ).rejects.toMatchObject(refused);
});

test('a stream that does not begin with the head it was opened for fails', async () => {
  const [one, two] = await inTenant(async (tx) => [
    await crypto.files.seal(tx, scope, emailContext, Buffer.from('one')),
    await crypto.files.seal(tx, scope, emailContext, Buffer.from('two')),
  ]);
  const opener = await openerOf(one ?? Buffer.alloc(0));
  await expect(collect(Readable.from([two]).pipe(opener.stream()))).rejects.toMatchObject(refused);
  await expect(collect(Readable.from([]).pipe(opener.stream()))).rejects.toMatchObject(refused);
});

test('a file of a shredded person is a tombstone', async () => {
  const subjectId = newSubject();
  const file = await inTenant((tx) =>
    crypto.files.seal(tx, { kind: 'subject', subjectId }, emailContext, Buffer.from('x')),
  );
  await inTenant((tx) => crypto.shred(tx, [subjectId], erasure));
  expect(await inTenant((tx) => crypto.files.open(tx, emailContext, file))).toMatchObject({
    kind: 'shredded',
  });
  expect(await inTenant((tx) => crypto.files.opener(tx, emailContext, file))).toMatchObject({
    kind: 'shredded',
  });
});

test('a file is no field and a field is no file', async () => {
  await inTenant(async (tx) => {
    const file = await crypto.files.seal(tx, scope, emailContext, Buffer.alloc(100));
    const field = await crypto.seal(tx, scope, emailContext, Buffer.alloc(100));
    await expect(crypto.open(tx, emailContext, file)).rejects.toMatchObject(refused);
    await expect(crypto.openRow(tx, emailContext, file)).rejects.toMatchObject(refused);
    await expect(crypto.files.open(tx, emailContext, field)).rejects.toMatchObject(refused);
  });
});

test('256 MiB go through sealing and opening while the streams hold less than 16 MiB', async () => {
  const block = randomBytes(256 * 1024);
  const total = 1_024;
  const source = function* (): Generator<Buffer> {
    for (let index = 0; index < total; index += 1) yield block;
  };
  const sealer = await inTenant((tx) => crypto.files.sealer(tx, scope, emailContext));
  const wire = new PassThrough();
  const sealing = pipeline(Readable.from(source(), { objectMode: false }), sealer, wire);
  const opener = await openerOf(await takeHead(wire));
  let bytes = 0;
  let most = 0;
  const sink = new Writable({
    write: (piece: Buffer, _encoding, done) => {
      bytes += piece.length;
      most = Math.max(most, sealer.readableLength + sealer.writableLength + wire.readableLength);
      done();
    },
  });
  await Promise.all([sealing, pipeline(wire, opener.stream(), sink)]);
  expect(bytes).toBe(total * block.length);
  expect(most).toBeLessThan(16 * 1024 * 1024);
});

test('takeHead gives what is there when a stream is too short, and the reader is refused', async () => {
  const head = await takeHead(Readable.from([Buffer.from('short')], { objectMode: false }));
  expect(head.toString()).toBe('short');
  await expect(openerOf(head)).rejects.toMatchObject(refused);
  expect((await takeHead(Readable.from([], { objectMode: false }))).length).toBe(0);
});
