import { auditError } from './errors.ts';
import { emptyRoot, hashBytes } from './hash.ts';

/** What a log commits to: so many entries, with this root. */
export type Checkpoint = { readonly origin: string; readonly size: number; readonly root: Buffer };

/** The text that is signed. @see https://c2sp.org/tlog-checkpoint */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  return `${checkpoint.origin}\n${checkpoint.size}\n${checkpoint.root.toString('base64')}\n`;
}

/**
 * Reads origin, size and root; `extended` tells of further lines, which no log of ours writes.
 *
 * @throws ERR_AUDIT_INVALID_CHECKPOINT
 */
export function parseCheckpoint(text: string): Checkpoint & { readonly extended: boolean } {
  const parsed = parseCheckpointShape(text);
  if (parsed.size === 0 && !parsed.root.equals(emptyRoot))
    throw invalidCheckpoint('size zero has the root of the empty tree');
  return parsed;
}

/** As {@link parseCheckpoint}, but an empty tree may claim any root: a witness answers that by a status of its own. */
export function parseCheckpointShape(text: string): Checkpoint & { readonly extended: boolean } {
  const match = /^([^\n]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n((?:[^\n]+\n)*)$/.exec(text);
  const [, origin = '', size = '', encoded = '', extensions = ''] = match ?? [];
  const root = Buffer.from(encoded, 'base64');
  const canonical =
    root.length === hashBytes && root.toString('base64') === encoded && Number.isSafeInteger(Number(size));
  if (match === null || !canonical) throw invalidCheckpoint('it is not origin, size and root');
  return { origin, size: Number(size), root, extended: extensions !== '' };
}

/** Why a checkpoint is refused. */
export function invalidCheckpoint(why: string): Error {
  return auditError('ERR_AUDIT_INVALID_CHECKPOINT', `the checkpoint is refused: ${why}`);
}
