import { concat, equal, fromBase64, sha256, toHex, type Bytes } from './bytes.ts';

/** A verifier key: `name+hex8(keyId)+base64(type || public key)`. @see https://c2sp.org/signed-note */
export type VerifierKey = {
  readonly name: string;
  readonly keyId: Bytes;
  readonly type: number;
  readonly publicKey: Bytes;
};

/** A signed note, split; `text` includes its last newline. */
export type SignedNote = {
  readonly text: string;
  readonly signatures: readonly { readonly name: string; readonly keyId: Bytes; readonly signature: Bytes }[];
};

const ed25519 = 1;
const cosignatureV1 = 4;

/** Reads a log's vkey and checks that its key id belongs to its key. @throws Error naming what is wrong */
export function parseVerifierKey(vkey: string): Promise<VerifierKey> {
  return parseKey(vkey, ed25519);
}

/** Reads the vkey of a witness that cosigns with Ed25519. @throws Error naming what is wrong */
export function parseCosignerKey(vkey: string): Promise<VerifierKey> {
  return parseKey(vkey, cosignatureV1);
}

async function parseKey(vkey: string, wanted: number): Promise<VerifierKey> {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(vkey.trim());
  if (match === null) throw new Error('the verifier key is not of the form name+id+key');
  const [, name = '', id = '', encoded = ''] = match;
  const typed = fromBase64(encoded);
  const type = typed[0];
  if (type !== wanted || typed.length !== 33) throw new Error('the verifier key is not an Ed25519 key');
  const keyId = (await sha256(concat(new TextEncoder().encode(`${name}\n`), typed))).slice(0, 4);
  if (toHex(keyId) !== id) throw new Error('the key id of the verifier key does not belong to its key');
  return { name, keyId, type, publicKey: typed.slice(1) };
}

/** Splits a signed note. @throws Error when it has no text or no signature line */
export function parseSignedNote(note: string): SignedNote {
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) throw new Error('the checkpoint is not a signed note');
  const lines = note.slice(split + 2, -1).split('\n');
  const signatures = lines.map((line) => {
    const match = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/.exec(line);
    if (match === null) throw new Error('a signature line of the checkpoint is malformed');
    const blob = fromBase64(match[2] ?? '');
    if (blob.length < 5) throw new Error('a signature of the checkpoint is too short');
    return { name: match[1] ?? '', keyId: blob.slice(0, 4), signature: blob.slice(4) };
  });
  return { text: note.slice(0, split + 1), signatures };
}

/**
 * Verifies a note by a key. Signatures by other keys are ignored; a bad one by this key condemns the note.
 *
 * @returns whether the note carries a good signature by the key
 */
export async function verifyNote(note: SignedNote, key: VerifierKey): Promise<boolean> {
  const mine = note.signatures.filter((line) => line.name === key.name && equal(line.keyId, key.keyId));
  if (mine.length === 0) return false;
  const publicKey = await crypto.subtle.importKey('raw', key.publicKey, { name: 'Ed25519' }, false, [
    'verify',
  ]);
  const text = new TextEncoder().encode(note.text);
  for (const line of mine) {
    if (!(await crypto.subtle.verify({ name: 'Ed25519' }, publicKey, line.signature, text))) return false;
  }
  return true;
}
