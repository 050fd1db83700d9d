import { sha256 } from '../hash.ts';
import { parseCheckpoint } from '../checkpoint-text.ts';
import { parseNote } from '../signed-note.ts';

/** A leaf of the platform log: it commits to one checkpoint of one log. */
export type PlatformLeaf = { readonly tag: Buffer; readonly size: number; readonly body: Buffer };

/** How a log is named in the platform log: by a hash that only those can compute who know its origin. */
export function logTag(origin: string): Buffer {
  return sha256(Buffer.from(origin, 'utf8'));
}

/**
 * The leaf for a signed checkpoint. Origin, size and root stand in it as hashes only: the platform log is public, and a
 * log id opens the log it names.
 *
 * @see docs/design/0010-platform-log.md for the bytes
 */
export function platformLeaf(note: string): PlatformLeaf {
  const { text } = parseNote(note);
  const { origin, size } = parseCheckpoint(text);
  const tag = logTag(origin);
  const digest = sha256(Buffer.from(text, 'utf8'));
  const lines = [
    'gatehouse-checkpoint/v1',
    `log ${tag.toString('base64')}`,
    `checkpoint ${digest.toString('base64')}`,
  ];
  return { tag, size, body: Buffer.from(`${lines.join('\n')}\n`, 'utf8') };
}
