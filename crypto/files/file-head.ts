import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { headerBytes } from '../ct1.ts';
import { prefixBytes } from './chunked.ts';

/** Suite 05: a file, a CT1 header before a C2SP message. */
export const fileSuite = 0x05;
/** suite(1) flags(1) kid(8) salt(24) commitment(32). */
export const fileHeadBytes: number = headerBytes + prefixBytes;

/** Whether bytes begin as a file of suite 05 does. */
export function isFile(bytes: Uint8Array): boolean {
  return bytes[0] === fileSuite;
}

/**
 * Takes the head of a file off a stream of bytes and puts it back, so that the whole can be piped on.
 *
 * @returns fewer than {@link fileHeadBytes} bytes when the stream is that short
 */
export async function takeHead(source: Readable): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let held = 0;
  while (held < fileHeadBytes) {
    const piece = source.read() as Buffer | null; // a stream of bytes
    if (piece === null) {
      if (source.readableEnded || source.destroyed) break;
      await oneOf(source, ['readable', 'end', 'close']);
    } else {
      pieces.push(piece);
      held += piece.length;
    }
  }
  const taken = Buffer.concat(pieces);
  if (taken.length > 0 && !source.readableEnded) source.unshift(taken);
  return taken.subarray(0, fileHeadBytes);
}

async function oneOf(source: Readable, events: readonly string[]): Promise<void> {
  const waiting = new AbortController();
  try {
    await Promise.race(events.map((event) => once(source, event, { signal: waiting.signal })));
  } finally {
    waiting.abort();
  }
}
