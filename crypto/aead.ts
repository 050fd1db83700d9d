import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import { cryptoError } from './errors.ts';

const algorithm = 'aes-256-gcm';
/** Bytes of every GCM nonce in the house. */
export const nonceBytes = 12;
/** Bytes of every GCM tag in the house; node accepts shorter ones unless told. */
export const tagBytes = 16;
const keyBytes = 32;
const tagOption = Object.freeze({ authTagLength: tagBytes });

declare const checked: unique symbol;
/** A secret KeyObject of 32 bytes; checked once, not at every use. */
export type AeadKey = KeyObject & { readonly [checked]: true };

/** @throws ERR_CRYPTO_KEY when it is not a secret key of 32 bytes */
export function toAeadKey(key: KeyObject): AeadKey {
  if (key.type !== 'secret' || key.symmetricKeySize !== keyBytes) {
    throw cryptoError('ERR_CRYPTO_KEY', 'AES-256-GCM takes a secret KeyObject of 32 bytes');
  }
  return key as AeadKey; // just checked
}

function requireNonce(nonce: Uint8Array): void {
  if (nonce.length !== nonceBytes)
    throw cryptoError('ERR_CRYPTO_KEY', 'AES-256-GCM takes a nonce of 12 bytes');
}

/**
 * Writes ciphertext and tag into `target` at `offset`; every encryption of the house comes through here.
 *
 * @param target - with room for `plaintext.length + 16` bytes
 * @see https://nvlpubs.nist.gov/nistpubs/Legacy/SP/nistspecialpublication800-38d.pdf
 */
export function aeadSealInto(
  key: AeadKey,
  nonce: Uint8Array,
  associatedData: Uint8Array,
  plaintext: Uint8Array,
  target: Buffer,
  offset: number,
): void {
  requireNonce(nonce);
  const cipher = createCipheriv(algorithm, key, nonce, tagOption);
  if (associatedData.length > 0) cipher.setAAD(associatedData);
  target.set(cipher.update(plaintext), offset);
  cipher.final();
  target.set(cipher.getAuthTag(), offset + plaintext.length);
}

/** As {@link aeadSealInto}, ciphertext and tag as the cipher gave them: for large pieces, where copying costs. */
export function aeadSealApart(
  key: AeadKey,
  nonce: Uint8Array,
  associatedData: Uint8Array,
  plaintext: Uint8Array,
): readonly [Buffer, Buffer] {
  requireNonce(nonce);
  const cipher = createCipheriv(algorithm, key, nonce, tagOption);
  if (associatedData.length > 0) cipher.setAAD(associatedData);
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  return [ciphertext, cipher.getAuthTag()];
}

/** Ciphertext and tag as one new buffer. */
export function aeadSeal(
  key: AeadKey,
  nonce: Uint8Array,
  associatedData: Uint8Array,
  plaintext: Uint8Array,
): Buffer {
  const sealed = Buffer.allocUnsafe(plaintext.length + tagBytes);
  aeadSealInto(key, nonce, associatedData, plaintext, sealed, 0);
  return sealed;
}

const nonceInHand = Buffer.alloc(nonceBytes);
const tagInHand = Buffer.alloc(tagBytes);

/**
 * Every decryption of the house comes through here.
 *
 * @param sealed - nonce at `nonceAt`, ciphertext at `start` and 16-byte tag to the end
 * @param start - right behind the nonce unless something stands in between
 * @returns the plaintext, or null when it is too short or not authentic: one answer for every cause
 */
export function aeadOpenAt(
  key: AeadKey,
  associatedData: Uint8Array,
  sealed: Buffer,
  nonceAt: number,
  start = nonceAt + nonceBytes,
): Buffer | null {
  const end = sealed.length - tagBytes;
  if (end < start) return null;
  // Copied instead of viewed: a view costs as much as the rest of the bookkeeping, and nothing waits in between.
  sealed.copy(nonceInHand, 0, nonceAt, nonceAt + nonceBytes);
  return openInHand(key, associatedData, sealed, start, end);
}

/** With the nonce in hand. */
function openInHand(
  key: AeadKey,
  associatedData: Uint8Array,
  sealed: Buffer,
  start: number,
  end: number,
): Buffer | null {
  sealed.copy(tagInHand, 0, end);
  const decipher = createDecipheriv(algorithm, key, nonceInHand, tagOption);
  if (associatedData.length > 0) decipher.setAAD(associatedData);
  decipher.setAuthTag(tagInHand);
  const plaintext = decipher.update(sealed.subarray(start, end));
  try {
    decipher.final();
    return plaintext;
  } catch {
    plaintext.fill(0); // unauthenticated plaintext does not leave this function
    return null;
  }
}

/**
 * As {@link aeadOpenAt}, with the nonce apart.
 *
 * @param sealed - ciphertext and 16-byte tag
 */
export function aeadOpen(
  key: AeadKey,
  nonce: Uint8Array,
  associatedData: Uint8Array,
  sealed: Buffer,
): Buffer | null {
  requireNonce(nonce);
  const end = sealed.length - tagBytes;
  if (end < 0) return null;
  nonceInHand.set(nonce);
  return openInHand(key, associatedData, sealed, 0, end);
}
