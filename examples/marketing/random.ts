import { createHash } from 'node:crypto';

/** A reproducible source: the same seed gives the same people. Never for keys. */
export type SeededRandom = {
  /** @returns a whole number from 0 to `below` - 1 */
  readonly below: (below: number) => number;
  readonly pick: <T>(list: readonly T[]) => T;
  /** @param probability - 0..1 */
  readonly chance: (probability: number) => boolean;
  readonly bytes: (size: number) => Buffer;
};

/** sfc32, seeded by SHA-256. @see https://pracrand.sourceforge.net/RNG_engines.txt */
export function createSeededRandom(seed: string): SeededRandom {
  const digest = createHash('sha256').update(seed).digest();
  let [a, b, c, counter] = [0, 4, 8, 12].map((at) => digest.readInt32LE(at)) as [
    number,
    number,
    number,
    number,
  ]; // four read above
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let round = 0; round < 16; round += 1) next();
  const below = (limit: number): number => Math.floor((next() / 2 ** 32) * limit);
  return Object.freeze({
    below,
    pick: <T>(list: readonly T[]): T => {
      const item = list[below(list.length)];
      if (item === undefined) throw new RangeError('nothing to pick from');
      return item;
    },
    chance: (probability: number) => next() < probability * 2 ** 32,
    bytes: (size: number) => {
      const bytes = Buffer.allocUnsafe(size);
      for (let at = 0; at < size; at += 1) bytes[at] = next() >>> 24;
      return bytes;
    },
  });
}
