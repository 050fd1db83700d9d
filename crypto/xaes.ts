import { createCipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { aeadOpenAt, aeadSealInto, nonceBytes, toAeadKey, type AeadKey } from './aead.ts';

/** Bytes of an XAES-256-GCM nonce: twelve choose the subkey, twelve are the nonce under it. */
export const extendedNonceBytes = 24;
const blockBytes = 16;

/** A key of XAES-256-GCM, with what does not change from message to message worked out. */
export type XaesKey = { readonly subkey: (nonce: Uint8Array, nonceAt: number) => AeadKey };

/**
 * Prepares a key for XAES-256-GCM.
 *
 * @param key - a secret KeyObject of 32 bytes
 * @throws ERR_CRYPTO_KEY
 * @see https://c2sp.org/XAES-256-GCM
 */
export function createXaesKey(key: KeyObject): XaesKey {
  // ECB over single blocks is the bare block cipher, and the object keeps no state between calls.
  const cipher = createCipheriv('aes-256-ecb', toAeadKey(key), null).setAutoPadding(false);
  const k1 = doubled(cipher.update(Buffer.alloc(blockBytes))); // steps 1 and 2
  const blocks = Buffer.alloc(2 * blockBytes);
  return Object.freeze({
    subkey: (nonce: Uint8Array, nonceAt: number): AeadKey => {
      for (let part = 0; part < 2; part += 1) writeBlock(blocks, part, k1, nonce, nonceAt);
      const derived = cipher.update(blocks); // step 5
      const subkey = toAeadKey(createSecretKey(derived));
      derived.fill(0);
      return subkey;
    },
  });
}

/** Multiplication by x in GF(2^128). @see NIST SP 800-38B section 6.1 */
function doubled(block: Buffer): Buffer {
  const carry = (block[0] ?? 0) >> 7;
  const result = Buffer.alloc(blockBytes);
  for (let index = 0; index < blockBytes; index += 1) {
    result[index] = ((block[index] ?? 0) << 1) | ((block[index + 1] ?? 0) >> 7);
  }
  result[blockBytes - 1] = (result[blockBytes - 1] ?? 0) ^ (carry * 0x87);
  return result;
}

/** Steps 3 and 4, with K1 mixed in: counter(2) "X" 00 nonce(12). */
function writeBlock(target: Buffer, part: number, k1: Buffer, nonce: Uint8Array, nonceAt: number): void {
  const start = part * blockBytes;
  target[start] = 0;
  target[start + 1] = part + 1;
  target[start + 2] = 0x58;
  target[start + 3] = 0;
  for (let index = 0; index < nonceBytes; index += 1) target[start + 4 + index] = nonce[nonceAt + index] ?? 0;
  for (let index = 0; index < blockBytes; index += 1)
    target[start + index] = (target[start + index] ?? 0) ^ (k1[index] ?? 0);
}

/**
 * Writes ciphertext and tag into `target` at `offset`.
 *
 * @param nonce - 24 bytes
 */
export function xaesSealInto(
  key: XaesKey,
  nonce: Uint8Array,
  associatedData: Uint8Array,
  plaintext: Uint8Array,
  target: Buffer,
  offset: number,
): void {
  const rest = nonce.subarray(nonceBytes); // the AEAD refuses any other length than twelve
  aeadSealInto(key.subkey(nonce, 0), rest, associatedData, plaintext, target, offset);
}

/**
 * Opens what stands in `sealed` from `nonceAt`: nonce(24), ciphertext, tag(16).
 *
 * @returns null when it is too short or not authentic
 */
export function xaesOpenAt(
  key: XaesKey,
  associatedData: Uint8Array,
  sealed: Buffer,
  nonceAt: number,
): Buffer | null {
  if (sealed.length < nonceAt + extendedNonceBytes) return null;
  return aeadOpenAt(key.subkey(sealed, nonceAt), associatedData, sealed, nonceAt + nonceBytes);
}
