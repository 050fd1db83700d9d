import { expect, test } from '@jest/globals';
import { systemRandomBytes } from '../kernel/index.ts';
import { nonceBytes } from './aead.ts';
import { createRandomPool } from './nonce-pool.ts';

const count = 10_000_000;

/** The first 53 bits, which a double holds exactly. */
const beginningOf = (words: Uint32Array, index: number): number =>
  (words[index * 3] ?? 0) * 2 ** 21 + ((words[index * 3 + 1] ?? 0) >>> 11);

test('ten million nonces from the pool are all different', () => {
  const pool = createRandomPool(systemRandomBytes);
  const nonces = Buffer.alloc(count * nonceBytes);
  const words = new Uint32Array(nonces.buffer, nonces.byteOffset, count * 3);
  const beginnings = new Float64Array(count);
  for (let index = 0; index < count; index += 1) {
    pool.fill(nonces, index * nonceBytes, nonceBytes);
    beginnings[index] = beginningOf(words, index);
  }
  beginnings.sort();
  const alike = new Set<number>();
  for (let index = 1; index < count; index += 1)
    if (beginnings[index] === beginnings[index - 1]) alike.add(beginnings[index] ?? 0);
  expect(alike.size).toBeLessThan(10); // by chance one in two hundred runs has a pair; a broken pool has millions
  const whole = new Map<string, number>();
  for (let index = 0; alike.size > 0 && index < count; index += 1) {
    if (!alike.has(beginningOf(words, index))) continue;
    const text = nonces.toString('hex', index * nonceBytes, (index + 1) * nonceBytes);
    whole.set(text, (whole.get(text) ?? 0) + 1);
  }
  expect([...whole.values()].filter((times) => times > 1)).toEqual([]);
});

test('bytes that were given out are gone from the pool, and no byte is given out twice', () => {
  const blocks: Buffer[] = [];
  const pool = createRandomPool((size) => {
    const block = Buffer.from(Array.from({ length: size }, (_, index) => (index % 255) + 1));
    blocks.push(block);
    return block;
  });
  const target = Buffer.alloc(12);
  pool.fill(target, 0, 12);
  expect(target).toEqual(Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]));
  expect(blocks[0]?.subarray(0, 13)).toEqual(Buffer.from([...Buffer.alloc(12), 13]));
  const rest = (blocks[0]?.length ?? 0) - 12;
  pool.fill(Buffer.alloc(rest + 1), 0, rest + 1); // does not fit any more: a new block, nothing of the old one
  expect(blocks).toHaveLength(2);
});
