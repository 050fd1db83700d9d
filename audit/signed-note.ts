import { verifyCosignature } from './cosignature.ts';
import { auditError } from './errors.ts';
import { holdsSignature, noteKeyTypes, parseNoteKey, type NoteKey, type NoteKeyType } from './note-keys.ts';

const keyIdBytes = 4;
const ed25519SignatureBytes = 64;
const maxSignatures = 64;

/** Signs with an Ed25519 key that somebody else keeps. */
export type NoteSigner = {
  readonly name: string;
  readonly keyId: Buffer;
  readonly sign: (data: Buffer) => Buffer;
};
/** Verifies the signatures of one key. */
export type NoteVerifier = {
  readonly name: string;
  readonly type: NoteKeyType;
  readonly keyId: Buffer;
  /** @param text - the text of the note @param signature - what follows the key id */
  readonly verify: (text: Buffer, signature: Buffer) => boolean;
};
/** One signature line. */
export type NoteSignature = {
  readonly name: string;
  readonly keyId: Buffer;
  readonly signature: Buffer;
  /** The line as it stands in the note, with its newline. */
  readonly line: string;
  /** Written the one way: no stray bits after the signature. Asked of known keys only. */
  readonly canonical: boolean;
};
/** A text and its signature lines. */
export type SignedNote = { readonly text: string; readonly signatures: readonly NoteSignature[] };

const refuse = (why: string): Error =>
  auditError('ERR_AUDIT_INVALID_NOTE', `the signed note is refused: ${why}`);

/** A verifier for a key: Ed25519 over the text, or either kind of cosignature. */
export function createVerifier(key: NoteKey): NoteVerifier {
  const { name, type, keyId } = key;
  return Object.freeze({
    name,
    type,
    keyId,
    verify: (text: Buffer, signature: Buffer) =>
      type === noteKeyTypes.ed25519
        ? signature.length === ed25519SignatureBytes && holdsSignature(key.key, text, signature)
        : verifyCosignature(key, text.toString('utf8'), signature),
  });
}

/** @throws ERR_AUDIT_INVALID_NOTE when the text is not an Ed25519 or ML-DSA-44 verifier key with the right id */
export function parseVerifierKey(text: string): NoteVerifier {
  return createVerifier(parseNoteKey(text));
}

/** Reads keys that stand one on a line. @throws ERR_AUDIT_INVALID_NOTE when one is wrong or there is none */
export function parseVerifierKeys(text: string): readonly NoteVerifier[] {
  const lines = text.split(/\s+/).filter((line) => line !== '');
  if (lines.length === 0) throw refuse('there is no verifier key');
  return lines.map(parseVerifierKey);
}

/** The note with one signature line. @param text - must end in a newline */
export function signNote(text: string, signer: NoteSigner): string {
  const signature = signer.sign(Buffer.from(text, 'utf8'));
  return `${text}\n— ${signer.name} ${Buffer.concat([signer.keyId, signature]).toString('base64')}\n`;
}

/** Splits a note without checking signatures. @throws ERR_AUDIT_INVALID_NOTE */
export function parseNote(note: string): SignedNote {
  // oxlint-disable-next-line no-control-regex -- the format forbids exactly these
  if (/[\u0000-\u0009\u000b-\u001f]/.test(note)) throw refuse('it holds control characters');
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) throw refuse('it has no signatures');
  return { text: note.slice(0, split + 1), signatures: parseSignatureLines(note.slice(split + 2)) };
}

/** Reads signature lines, each with its newline. @throws ERR_AUDIT_INVALID_NOTE */
export function parseSignatureLines(text: string): readonly NoteSignature[] {
  if (!text.endsWith('\n')) throw refuse('a signature line does not end');
  const lines = text.slice(0, -1).split('\n');
  if (lines.length > maxSignatures) throw refuse(`it has more than ${maxSignatures} signatures`);
  return lines.map((line) => {
    const match = /^— ([^+\s]+) ([A-Za-z0-9+/]+={0,2})$/.exec(line);
    const bytes = Buffer.from(match?.[2] ?? '', 'base64');
    if (match === null || bytes.length <= keyIdBytes) throw refuse('a signature line is malformed');
    return {
      name: match[1] ?? '',
      keyId: bytes.subarray(0, keyIdBytes),
      signature: bytes.subarray(keyIdBytes),
      line: `${line}\n`,
      canonical: bytes.toString('base64') === match[2],
    };
  });
}

/** Whether a line names this key. */
export function isSignedBy(
  { name, keyId }: Pick<NoteSignature, 'name' | 'keyId'>,
  key: Pick<NoteVerifier, 'name' | 'keyId'>,
): boolean {
  return name === key.name && keyId.equals(key.keyId);
}

/**
 * Checks the signatures of known keys; other keys are ignored.
 *
 * @returns the signed text
 * @throws ERR_AUDIT_INVALID_NOTE when no known key signed, or a signature of one is wrong
 */
export function openNote(note: string, verifiers: NoteVerifier | readonly NoteVerifier[]): string {
  const known = [verifiers].flat();
  const { text, signatures } = parseNote(note);
  if (knownSigners(text, signatures, known).length === 0)
    throw refuse(`it is not signed by ${known.map(({ name }) => name).join(' or ')}`);
  return text;
}

/** Which known keys signed. @throws ERR_AUDIT_INVALID_NOTE when a signature of one is wrong */
export function knownSigners<Key extends NoteVerifier>(
  text: string,
  signatures: readonly NoteSignature[],
  known: readonly Key[],
): readonly Key[] {
  const data = Buffer.from(text, 'utf8');
  return known.filter((verifier) => {
    const mine = signatures.filter((line) => isSignedBy(line, verifier));
    for (const { signature, canonical } of mine)
      if (!canonical || !verifier.verify(data, signature))
        throw refuse(`the signature of ${verifier.name} is wrong`);
    return mine.length > 0;
  });
}
