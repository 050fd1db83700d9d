import { createHash, createSecretKey, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { inflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  acceptPrefix,
  chunkBytes,
  deriveChunkKeys,
  plaintextSize,
  prefixBytes,
  sealedChunkBytes,
  sealedSize,
} from './chunked.ts';
import { createOpenStream, createSealStream, readRange } from './file-streams.ts';

const refused = new Error('refused');

/** What a reader gets: everything that left the stream, and whether it ended well. */
async function openAll(
  key: Buffer,
  context: Buffer,
  message: Buffer,
  piece = 10_000,
): Promise<{ readonly plaintext: Buffer; readonly ended: boolean }> {
  const keys =
    message.length < prefixBytes
      ? null
      : acceptPrefix(createSecretKey(key), message.subarray(0, prefixBytes), context);
  const out: Buffer[] = [];
  if (keys === null) return { plaintext: Buffer.alloc(0), ended: false };
  const stream = createOpenStream(message.subarray(0, prefixBytes), keys, () => refused);
  let failure: unknown = null;
  stream.on('error', (error) => (failure = error));
  // Read after every piece: an error throws away what a stream still holds.
  const take = async (): Promise<void> => {
    await nextTurn();
    for (let left = stream.read(); left !== null; left = stream.read()) out.push(left as Buffer); // bytes
  };
  for (let at = 0; at < message.length && failure === null; at += piece) {
    stream.write(message.subarray(at, at + piece));
    await take();
  }
  if (failure === null) stream.end();
  await take();
  await take(); // the end is told a turn after the last byte was read
  if (failure !== null && failure !== refused) throw failure as Error; // nothing else may come
  return { plaintext: Buffer.concat(out), ended: failure === null && stream.readableEnded };
}

async function sealAll(key: Buffer, context: Buffer, plaintext: Buffer, piece: number): Promise<Buffer> {
  const salt = randomBytes(24);
  const keys = deriveChunkKeys(createSecretKey(key), salt, context);
  const stream = createSealStream(Buffer.concat([salt, keys.commitment]), keys);
  const pieces = Array.from({ length: Math.ceil(plaintext.length / piece) }, (_, index) =>
    plaintext.subarray(index * piece, (index + 1) * piece),
  );
  const out: Buffer[] = [];
  for await (const chunk of Readable.from(pieces).pipe(stream)) out.push(chunk as Buffer); // bytes
  return Buffer.concat(out);
}

const access = (message: Buffer) => ({
  size: message.length,
  read: async (start: number, end: number) => message.subarray(start, end),
});
const key = Buffer.alloc(32, 5);
const context = Buffer.from('context');
const sizes = [0, 1, chunkBytes - 1, chunkBytes, chunkBytes + 1, 2 * chunkBytes, 3 * chunkBytes + 77];

test.each(sizes)('%d bytes open again, whatever the pieces, at the size that was foretold', async (size) => {
  const plaintext = randomBytes(size);
  for (const piece of [1_000, chunkBytes, 100_000]) {
    const message = await sealAll(key, context, plaintext, piece);
    expect(message.length).toBe(sealedSize(size));
    expect(plaintextSize(message.length)).toBe(size);
    expect(await openAll(key, context, message, piece)).toEqual({ plaintext, ended: true });
  }
});

test('sizes that no message has are known from the number alone', () => {
  for (const size of [
    0,
    15,
    prefixBytes,
    prefixBytes + 15,
    prefixBytes + sealedChunkBytes,
    prefixBytes + sealedChunkBytes + 15,
  ])
    expect(plaintextSize(size)).toBeNull();
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 50 }), (size) => expect(plaintextSize(sealedSize(size))).toBe(size)),
  );
});

test('cut anywhere, what leaves is a true beginning, and the stream fails', async () => {
  const plaintext = randomBytes(2 * chunkBytes + 500);
  const message = await sealAll(key, context, plaintext, 5_000);
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: message.length - 1 }), async (length) => {
      const opened = await openAll(key, context, message.subarray(0, length));
      expect(opened.ended).toBe(false);
      expect(opened.plaintext.equals(plaintext.subarray(0, opened.plaintext.length))).toBe(true);
      expect(opened.plaintext.length % chunkBytes).toBe(0);
    }),
    { numRuns: 30 },
  );
});

test('with any bit flipped, any chunks swapped, doubled, dropped or added it fails and gives nothing wrong', async () => {
  const plaintext = randomBytes(3 * chunkBytes + 500);
  const message = await sealAll(key, context, plaintext, 5_000);
  const prefix = message.subarray(0, prefixBytes);
  const chunks = [0, 1, 2, 3].map((index) =>
    message.subarray(prefixBytes + index * sealedChunkBytes, prefixBytes + (index + 1) * sealedChunkBytes),
  );
  const check = async (changed: Buffer): Promise<void> => {
    const opened = await openAll(key, context, changed);
    expect(opened.ended).toBe(false);
    expect(opened.plaintext.equals(plaintext.subarray(0, opened.plaintext.length))).toBe(true);
  };
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: message.length * 8 - 1 }), async (bit) => {
      const changed = Buffer.from(message);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await check(changed);
    }),
    { numRuns: 30 },
  );
  const order = fc.array(fc.nat({ max: 3 }), { maxLength: 6 }).filter((list) => list.join() !== '0,1,2,3');
  await fc.assert(
    fc.asyncProperty(order, async (list) => {
      await check(Buffer.concat([prefix, ...list.map((index) => chunks[index] ?? Buffer.alloc(0))]));
    }),
    { numRuns: 30 },
  );
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 40_000 }), (extra) =>
      check(Buffer.concat([message, extra])),
    ),
    { numRuns: 30 },
  );
});

test('a range gives exactly its bytes, and a file that was cut gives none', async () => {
  const plaintext = randomBytes(3 * chunkBytes + 500);
  const message = await sealAll(key, context, plaintext, 5_000);
  const keys = acceptPrefix(createSecretKey(key), message.subarray(0, prefixBytes), context);
  if (keys === null) throw new Error('the head was not accepted');
  const bound = fc.nat({ max: plaintext.length + 100 });
  await fc.assert(
    fc.asyncProperty(bound, bound, async (a, b) => {
      const range = { start: Math.min(a, b), end: Math.max(a, b) };
      const read = await readRange(keys, 0, access(message), range);
      expect(read).toEqual(plaintext.subarray(range.start, range.end));
    }),
  );
  const first = { start: 0, end: 10 };
  for (const length of [
    message.length - 1,
    prefixBytes + sealedChunkBytes,
    prefixBytes + sealedChunkBytes + 16,
  ])
    expect(await readRange(keys, 0, access(message.subarray(0, length)), first)).toBeNull();
});

type Case = {
  readonly tcId: number;
  readonly comment: string;
  readonly key: string;
  readonly ctx: string;
  readonly ct: string;
  readonly msgLength?: number;
  readonly msgSha512?: string;
  readonly aeadKey?: string;
  readonly baseNonce?: string;
  readonly result: 'valid' | 'invalid';
  readonly flags: readonly string[];
};
const name = 'c2sp_chunked_encryption_aes_256_gcm_test.json';
const published = JSON.parse(readFileSync(join(import.meta.dirname, 'vectors', name), 'utf8')) as {
  readonly testGroups: readonly { readonly tests: readonly Case[] }[];
}; // the published shape
const cases = published.testGroups.flatMap(({ tests }) => tests);
const hex = (text: string): Buffer => Buffer.from(text, 'hex');

test('all 35 Wycheproof cases of C2SP chunked-encryption are looked at', () => {
  expect(cases).toHaveLength(35);
});

describe('Wycheproof C2SP chunked-encryption with AES-256-GCM behaves as published', () => {
  test.each(cases)('case $tcId ($result) $comment', async (vector) => {
    const message = inflateSync(hex(vector.ct));
    if (vector.flags.includes('InvalidKeySize')) {
      const wrong = expect.objectContaining({ code: 'ERR_CRYPTO_KEY' });
      expect(() => createSecretKeys(vector, message)).toThrow(wrong);
      return;
    }
    const opened = await openAll(hex(vector.key), hex(vector.ctx), message);
    expect(opened.ended).toBe(vector.result === 'valid');
    expect(opened.plaintext.length).toBe(vector.msgLength ?? 0);
    if (vector.msgSha512 !== undefined)
      expect(createHash('sha512').update(opened.plaintext).digest('hex')).toBe(vector.msgSha512);
    if (vector.aeadKey === undefined) return;
    const keys = createSecretKeys(vector, message);
    expect(keys.key.export().toString('hex')).toBe(vector.aeadKey);
    expect(keys.baseNonce.toString('hex')).toBe(vector.baseNonce);
    // Reading from the end proves the length by the last chunk alone.
    const range = { start: plaintextSize(message.length) ?? 0, end: plaintextSize(message.length) ?? 0 };
    const provesLength = vector.result === 'valid' || vector.flags.includes('ValidFinalChunk');
    expect((await readRange(keys, 0, access(message), range)) !== null).toBe(provesLength);
  });

  function createSecretKeys(vector: Case, message: Buffer) {
    return deriveChunkKeys(createSecretKey(hex(vector.key)), message.subarray(0, 24), hex(vector.ctx));
  }
});
