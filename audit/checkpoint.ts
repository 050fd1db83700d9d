import { formatCheckpoint, invalidCheckpoint, parseCheckpoint, type Checkpoint } from './checkpoint-text.ts';
import { openNote, signNote, type NoteSigner, type NoteVerifier } from './signed-note.ts';

export { formatCheckpoint, parseCheckpoint, type Checkpoint } from './checkpoint-text.ts';

/** Signs a checkpoint; the signer's name is the origin. */
export function signCheckpoint(checkpoint: Checkpoint, signer: NoteSigner): string {
  return signNote(formatCheckpoint(checkpoint), signer);
}

/**
 * Reads a signed checkpoint of one log. Of several keys, one must have signed and none that did may be wrong.
 *
 * @throws ERR_AUDIT_INVALID_NOTE, ERR_AUDIT_INVALID_CHECKPOINT
 */
export function openCheckpoint(note: string, verifiers: NoteVerifier | readonly NoteVerifier[]): Checkpoint {
  const known = [verifiers].flat();
  const { origin, size, root } = parseCheckpoint(openNote(note, known));
  if (known.some(({ name }) => name !== origin)) throw invalidCheckpoint(`it belongs to the log ${origin}`);
  return { origin, size, root };
}
