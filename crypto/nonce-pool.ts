import type { RandomBytes } from '../kernel/index.ts';

/** Bytes from the CSPRNG, drawn in blocks; each byte is given out once and then zeroed. */
export type RandomPool = {
  /** Writes `size` fresh bytes into `target` at `offset`. */
  readonly fill: (target: Buffer, offset: number, size: number) => void;
};

const blockBytes = 12 * 1024;

/** One pool per process part; never shared between threads or forked. */
export function createRandomPool(randomBytes: RandomBytes): RandomPool {
  let block: Buffer = Buffer.alloc(0);
  let used = 0;
  return Object.freeze({
    fill: (target: Buffer, offset: number, size: number) => {
      if (used + size > block.length) {
        block = randomBytes(Math.max(blockBytes, size));
        used = 0;
      }
      block.copy(target, offset, used, used + size);
      block.fill(0, used, used + size);
      used += size;
    },
  });
}
