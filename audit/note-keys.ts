import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { auditError } from './errors.ts';
import { sha256 } from './hash.ts';

/** What a key of a signed note signs, by the type byte that names it. @see https://c2sp.org/signed-note#signature-types */
export const noteKeyTypes = Object.freeze({ ed25519: 0x01, cosignatureV1: 0x04, subtreeV1: 0x06 });
/** One of {@link noteKeyTypes}. */
export type NoteKeyType = (typeof noteKeyTypes)[keyof typeof noteKeyTypes];

const keyIdBytes = 4;
const ed25519PublicBytes = 32;
const mlDsaPublicBytes = 1_312;
/** What stands before the raw key in SubjectPublicKeyInfo and in PKCS#8 with a seed. @see https://www.rfc-editor.org/rfc/rfc9881 */
const mlDsaSpki = Buffer.from('30820532300b06096086480165030403110382052100', 'hex');
const mlDsaSeedPkcs8 = Buffer.from('3034020100300b060960864801650304031104228020', 'hex');
const ed25519Pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Bytes of the secret seed of either kind of key. */
export const seedBytes = 32;

const refuse = (why: string): Error =>
  auditError('ERR_AUDIT_INVALID_NOTE', `the signed note is refused: ${why}`);

/** The raw public key: 32 bytes of Ed25519 or 1,312 of ML-DSA-44. @throws ERR_AUDIT_INVALID_NOTE for another key */
export function rawPublicKey(key: KeyObject): Buffer {
  const spki = key.export({ format: 'der', type: 'spki' });
  if (key.asymmetricKeyType === 'ed25519') return spki.subarray(-ed25519PublicBytes);
  if (key.asymmetricKeyType === 'ml-dsa-44') return spki.subarray(-mlDsaPublicBytes);
  throw refuse('the key is neither an Ed25519 nor an ML-DSA-44 key');
}

/** The key object behind raw bytes. @throws ERR_AUDIT_INVALID_NOTE when their number does not fit the type */
export function publicKeyOf(type: NoteKeyType, raw: Buffer): KeyObject {
  const wanted = type === noteKeyTypes.subtreeV1 ? mlDsaPublicBytes : ed25519PublicBytes;
  if (raw.length !== wanted) throw refuse(`a verifier key has ${raw.length} bytes instead of ${wanted}`);
  if (type === noteKeyTypes.subtreeV1)
    return createPublicKey({ key: Buffer.concat([mlDsaSpki, raw]), format: 'der', type: 'spki' });
  return createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') },
    format: 'jwk',
  });
}

/** The private key that grows from a seed. @param seed - 32 bytes */
export function privateKeyOf(type: NoteKeyType, seed: Buffer): KeyObject {
  if (seed.length !== seedBytes)
    throw refuse(`the seed of a key has ${seed.length} bytes instead of ${seedBytes}`);
  const prefix = type === noteKeyTypes.subtreeV1 ? mlDsaSeedPkcs8 : ed25519Pkcs8;
  const der = Buffer.concat([prefix, seed]);
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    der.fill(0);
  }
}

/** The 4 bytes that name a key. @see https://c2sp.org/signed-note#signatures */
export function noteKeyId(name: string, publicKey: Buffer, type: NoteKeyType = noteKeyTypes.ed25519): Buffer {
  const typed = Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(type), publicKey]);
  return sha256(typed).subarray(0, keyIdBytes);
}

/** The verifier key in text form, `name+hex id+base64`. @see https://c2sp.org/signed-note#verifier-keys */
export function formatVerifierKey(
  name: string,
  publicKey: KeyObject,
  type: NoteKeyType = noteKeyTypes.ed25519,
): string {
  const raw = rawPublicKey(publicKey);
  const encoded = Buffer.concat([Buffer.of(type), raw]).toString('base64');
  return `${name}+${noteKeyId(name, raw, type).toString('hex')}+${encoded}`;
}

/** A verifier key, read: nothing of it is a secret. */
export type NoteKey = {
  readonly name: string;
  readonly type: NoteKeyType;
  readonly keyId: Buffer;
  readonly publicKey: Buffer;
  readonly key: KeyObject;
};

/** Reads `name+hex id+base64`. @throws ERR_AUDIT_INVALID_NOTE when type, length or id are wrong */
export function parseNoteKey(text: string): NoteKey {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text.trim());
  const [, name = '', id = '', encoded = ''] = match ?? [];
  const bytes = Buffer.from(encoded, 'base64');
  const type = Object.values(noteKeyTypes).find((known) => known === bytes[0]);
  if (match === null || type === undefined || bytes.toString('base64') !== encoded)
    throw refuse('the verifier key is not Ed25519 or ML-DSA-44 in signed-note form');
  const publicKey = bytes.subarray(1);
  const keyId = noteKeyId(name, publicKey, type);
  const key = publicKeyOf(type, publicKey);
  if (keyId.toString('hex') !== id) throw refuse('the verifier key does not match its id');
  return Object.freeze({ name, type, keyId, publicKey, key });
}

/** Signs bytes with a key object of either kind. */
export function signBytes(key: KeyObject, data: Buffer): Buffer {
  return sign(null, data, key);
}

/** Whether a signature of either kind holds. */
export function holdsSignature(key: KeyObject, data: Buffer, signature: Buffer): boolean {
  return verify(null, data, key, signature);
}
