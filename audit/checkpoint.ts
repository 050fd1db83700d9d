import { auditError } from './errors.ts';
import { emptyRoot, hashBytes } from './hash.ts';
import { openNote, signNote, type NoteSigner, type NoteVerifier } from './signed-note.ts';

/** What a log commits to: so many entries, with this root. */
export type Checkpoint = { readonly origin: string; readonly size: number; readonly root: Buffer };

/** The text that is signed. @see https://c2sp.org/tlog-checkpoint */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  return `${checkpoint.origin}\n${checkpoint.size}\n${checkpoint.root.toString('base64')}\n`;
}

/** @throws ERR_AUDIT_INVALID_CHECKPOINT */
export function parseCheckpoint(text: string): Checkpoint {
  const match = /^([^\n]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n(?:[^\n]+\n)*$/.exec(text);
  const [, origin = '', size = '', encoded = ''] = match ?? [];
  const root = Buffer.from(encoded, 'base64');
  const canonical =
    root.length === hashBytes && root.toString('base64') === encoded && Number.isSafeInteger(Number(size));
  if (match === null || !canonical) throw invalid('it is not origin, size and root');
  if (size === '0' && !root.equals(emptyRoot)) throw invalid('size zero has the root of the empty tree');
  return { origin, size: Number(size), root };
}

/** Signs a checkpoint; the signer's name is the origin. */
export function signCheckpoint(checkpoint: Checkpoint, signer: NoteSigner): string {
  return signNote(formatCheckpoint(checkpoint), signer);
}

/**
 * Reads a signed checkpoint of one log.
 *
 * @throws ERR_AUDIT_INVALID_NOTE, ERR_AUDIT_INVALID_CHECKPOINT
 */
export function openCheckpoint(note: string, verifier: NoteVerifier): Checkpoint {
  const checkpoint = parseCheckpoint(openNote(note, verifier));
  if (checkpoint.origin !== verifier.name) throw invalid(`it belongs to the log ${checkpoint.origin}`);
  return checkpoint;
}

function invalid(why: string): Error {
  return auditError('ERR_AUDIT_INVALID_CHECKPOINT', `the checkpoint is refused: ${why}`);
}
