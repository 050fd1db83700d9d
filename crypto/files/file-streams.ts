import { Transform } from 'node:stream';
import {
  chunkBytes,
  openChunk,
  plaintextSize,
  prefixBytes,
  sealChunk,
  sealedChunkBytes,
  type ChunkKeys,
} from './chunked.ts';
import type { RandomAccess } from '../types.ts';

/** How much a stream holds back at most, beside one chunk: keeps the event loop from turning for every chunk. */
const highWaterMark = 16 * sealedChunkBytes;

/** Cuts what comes in, in whatever pieces, into pieces of one size; holds at most one of them. */
function createCutter(size: number): {
  readonly cut: (input: Buffer, take: (piece: Buffer) => void) => void;
  readonly rest: () => Buffer;
} {
  const held = Buffer.allocUnsafeSlow(size);
  let used = 0;
  return {
    cut: (input, take) => {
      let at = 0;
      if (used > 0) {
        at = input.copy(held, used);
        used += at;
        if (used < size) return;
        take(held);
        used = 0;
      }
      for (; input.length - at >= size; at += size) take(input.subarray(at, at + size));
      used = input.copy(held, 0, at);
    },
    rest: () => held.subarray(0, used),
  };
}

/**
 * Plaintext in, a whole file out.
 *
 * @param head - what stands before the chunks
 */
export function createSealStream(head: Buffer, keys: ChunkKeys): Transform {
  const cutter = createCutter(chunkBytes);
  let index = 0;
  const seal = (piece: Buffer): void => {
    const [ciphertext, tag] = sealChunk(keys, index, piece);
    index += 1;
    if (ciphertext.length > 0) stream.push(ciphertext);
    stream.push(tag);
  };
  const stream = new Transform({
    readableHighWaterMark: highWaterMark,
    writableHighWaterMark: highWaterMark,
    transform: (input: Buffer, _encoding, done) => attempt(done, () => cutter.cut(input, seal)),
    flush: (done) =>
      attempt(done, () => {
        seal(cutter.rest());
        cutter.rest().fill(0);
      }),
  });
  stream.push(head);
  return stream;
}

/**
 * A whole file in, plaintext out; every chunk is proven before it leaves, and the end before the stream ends.
 *
 * @param head - the very bytes that the keys were accepted for; the stream must begin with them
 * @param refuse - makes the one error
 */
export function createOpenStream(head: Buffer, keys: ChunkKeys, refuse: () => Error): Transform {
  const cutter = createCutter(sealedChunkBytes);
  let index = 0;
  let checked = 0;
  const open = (piece: Buffer): Buffer => {
    const plaintext = openChunk(keys, index, piece);
    if (plaintext === null) throw refuse();
    index += 1;
    return plaintext;
  };
  const pastHead = (input: Buffer): Buffer => {
    const part = Math.min(head.length - checked, input.length);
    if (!input.subarray(0, part).equals(head.subarray(checked, checked + part))) throw refuse();
    checked += part;
    return input.subarray(part);
  };
  const stream = new Transform({
    readableHighWaterMark: highWaterMark,
    writableHighWaterMark: highWaterMark,
    transform: (input: Buffer, _encoding, done) =>
      attempt(done, () => cutter.cut(pastHead(input), (piece) => stream.push(open(piece)))),
    flush: (done) =>
      attempt(done, () => {
        if (checked < head.length) throw refuse();
        stream.push(open(cutter.rest())); // shorter than a whole chunk, or the file was cut
      }),
  });
  return stream;
}

function attempt(done: (error?: Error) => void, work: () => void): void {
  try {
    work();
  } catch (error) {
    done(error as Error); // everything thrown here is an Error
    return;
  }
  done();
}

/**
 * Reads `[start, end)` of the plaintext; the length of the file is proven first.
 *
 * @param headBytes - what stands before the C2SP message
 * @returns null when something is not authentic
 */
export async function readRange(
  keys: ChunkKeys,
  headBytes: number,
  source: RandomAccess,
  range: { readonly start: number; readonly end: number },
): Promise<Buffer | null> {
  const size = plaintextSize(source.size - headBytes);
  if (size === null) return null;
  const readChunk = async (index: number): Promise<Buffer | null> => {
    const from = headBytes + prefixBytes + index * sealedChunkBytes;
    const to = Math.min(from + sealedChunkBytes, source.size);
    const sealed = await source.read(from, to);
    return sealed.length === to - from ? openChunk(keys, index, sealed) : null;
  };
  const last = Math.floor(size / chunkBytes);
  const end = Math.min(range.end, size);
  const pieces: Buffer[] = [];
  const ending = await readChunk(last); // only the last chunk says where the file ends
  if (ending === null) return null;
  for (let index = Math.floor(range.start / chunkBytes); index * chunkBytes < end; index += 1) {
    const chunk = index === last ? ending : await readChunk(index);
    if (chunk === null) return null;
    const base = index * chunkBytes;
    pieces.push(chunk.subarray(Math.max(0, range.start - base), end - base));
  }
  return Buffer.concat(pieces);
}
