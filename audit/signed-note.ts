import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { auditError } from './errors.ts';
import { sha256 } from './hash.ts';

const ed25519Type = 0x01;
const keyIdBytes = 4;
const signatureBytes = 64;
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
  readonly keyId: Buffer;
  readonly verify: (data: Buffer, signature: Buffer) => boolean;
};
/** A text and its signature lines. */
export type SignedNote = {
  readonly text: string;
  readonly signatures: readonly {
    readonly name: string;
    readonly keyId: Buffer;
    readonly signature: Buffer;
  }[];
};

const refuse = (why: string): Error =>
  auditError('ERR_AUDIT_INVALID_NOTE', `the signed note is refused: ${why}`);

/** The raw 32 bytes of an Ed25519 public key. */
export function rawPublicKey(key: KeyObject): Buffer {
  const { x } = key.export({ format: 'jwk' });
  if (x === undefined) throw refuse('the key is not an Ed25519 public key');
  return Buffer.from(x, 'base64url');
}

/** The 4 bytes that name a key. @see https://c2sp.org/signed-note#signatures */
export function noteKeyId(name: string, publicKey: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ed25519Type), publicKey]);
  return sha256(typed).subarray(0, keyIdBytes);
}

/** The verifier key in text form, `name+hex id+base64`. @see https://c2sp.org/signed-note#verifier-keys */
export function formatVerifierKey(name: string, publicKey: KeyObject): string {
  const raw = rawPublicKey(publicKey);
  const encoded = Buffer.concat([Buffer.of(ed25519Type), raw]).toString('base64');
  return `${name}+${noteKeyId(name, raw).toString('hex')}+${encoded}`;
}

/** @throws ERR_AUDIT_INVALID_NOTE when the text is not an Ed25519 verifier key with the right id */
export function parseVerifierKey(text: string): NoteVerifier {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text.trim());
  const [, name = '', id = '', encoded = ''] = match ?? [];
  const bytes = Buffer.from(encoded, 'base64');
  if (match === null || bytes.length !== 33 || bytes[0] !== ed25519Type)
    throw refuse('the verifier key is not Ed25519 in signed-note form');
  const keyId = noteKeyId(name, bytes.subarray(1));
  if (keyId.toString('hex') !== id) throw refuse('the verifier key does not match its id');
  const key = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: bytes.subarray(1).toString('base64url') },
    format: 'jwk',
  });
  return Object.freeze({
    name,
    keyId,
    verify: (data: Buffer, signature: Buffer) => verify(null, data, key, signature),
  });
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
  const lines = note.slice(split + 2, -1).split('\n');
  if (lines.length > maxSignatures) throw refuse(`it has more than ${maxSignatures} signatures`);
  const signatures = lines.map((line) => {
    const match = /^— ([^+\s]+) ([A-Za-z0-9+/]+={0,2})$/.exec(line);
    const bytes = Buffer.from(match?.[2] ?? '', 'base64');
    if (match === null || bytes.length <= keyIdBytes) throw refuse('a signature line is malformed');
    return {
      name: match[1] ?? '',
      keyId: bytes.subarray(0, keyIdBytes),
      signature: bytes.subarray(keyIdBytes),
    };
  });
  return { text: note.slice(0, split + 1), signatures };
}

/**
 * Checks the signatures of one known key; other keys are ignored.
 *
 * @returns the signed text
 * @throws ERR_AUDIT_INVALID_NOTE when the key did not sign, or a signature of it is wrong
 */
export function openNote(note: string, verifier: NoteVerifier): string {
  const { text, signatures } = parseNote(note);
  const known = signatures.filter(
    ({ name, keyId }) => name === verifier.name && keyId.equals(verifier.keyId),
  );
  if (known.length === 0) throw refuse(`it is not signed by ${verifier.name}`);
  const data = Buffer.from(text, 'utf8');
  for (const { signature } of known) {
    const holds = signature.length === signatureBytes && verifier.verify(data, signature);
    if (!holds) throw refuse(`the signature of ${verifier.name} is wrong`);
  }
  return text;
}
