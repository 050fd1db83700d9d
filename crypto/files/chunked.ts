import { createSecretKey, type KeyObject } from 'node:crypto';
import {
  aeadOpen,
  aeadSealApart,
  aeadSealInto,
  nonceBytes,
  tagBytes,
  toAeadKey,
  type AeadKey,
} from '../aead.ts';
import { equalInConstantTime, keyBytes } from '../derive.ts';
import { cryptoError } from '../errors.ts';
import { hkdfExpand } from '../hkdf.ts';

/*
 * C2SP chunked-encryption with SHA-512 and AES-256-GCM ("Cobblestone-256"): salt(24) commitment(32), then chunks of
 * 16 KiB, the last one always shorter. @see https://c2sp.org/chunked-encryption
 */

/** Plaintext bytes of every chunk but the last. */
export const chunkBytes = 16 * 1024;
/** Bytes of a whole chunk at rest. */
export const sealedChunkBytes = chunkBytes + tagBytes;
/** Bytes of a salt. */
export const saltBytes = 24;
/** Salt and commitment. */
export const prefixBytes = saltBytes + keyBytes;
const maxChunks = 2 ** 38;
const infoLabel = Buffer.from('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0', 'latin1');

/** What one message is sealed or opened with. */
export type ChunkKeys = { readonly key: AeadKey; readonly baseNonce: Buffer; readonly commitment: Buffer };

/**
 * HKDF-Expand to key(32), base nonce(12) and commitment(32).
 *
 * @param inputKey - a secret KeyObject of 32 bytes
 * @param salt - 24 bytes, never twice under one key
 * @throws ERR_CRYPTO_KEY
 */
export function deriveChunkKeys(inputKey: KeyObject, salt: Uint8Array, context: Uint8Array): ChunkKeys {
  if (salt.length !== saltBytes) throw cryptoError('ERR_CRYPTO_KEY', 'a file takes a salt of 24 bytes');
  const prk = toAeadKey(inputKey);
  const derived = hkdfExpand('sha512', prk, [infoLabel, salt, context], 2 * keyBytes + nonceBytes);
  const key = toAeadKey(createSecretKey(derived.subarray(0, keyBytes)));
  const baseNonce = Buffer.from(derived.subarray(keyBytes, keyBytes + nonceBytes));
  const commitment = Buffer.from(derived.subarray(keyBytes + nonceBytes));
  derived.fill(0);
  return { key, baseNonce, commitment };
}

/**
 * Keys for a message at rest.
 *
 * @param prefix - salt and commitment, 56 bytes
 * @returns null when it does not commit to this key and context; no chunk was touched
 */
export function acceptPrefix(inputKey: KeyObject, prefix: Buffer, context: Uint8Array): ChunkKeys | null {
  const keys = deriveChunkKeys(inputKey, prefix.subarray(0, saltBytes), context);
  return equalInConstantTime(keys.commitment, prefix.subarray(saltBytes)) ? keys : null;
}

/** Bytes at rest of a message of so many bytes, prefix included. */
export function sealedSize(plaintextBytes: number): number {
  return prefixBytes + plaintextBytes + (Math.floor(plaintextBytes / chunkBytes) + 1) * tagBytes;
}

/** @returns the plaintext size, or null when no message has this size at rest */
export function plaintextSize(sealedBytes: number): number | null {
  const rest = (sealedBytes - prefixBytes) % sealedChunkBytes;
  if (sealedBytes < prefixBytes + tagBytes || rest < tagBytes) return null;
  const chunks = Math.floor((sealedBytes - prefixBytes) / sealedChunkBytes);
  return chunks < maxChunks ? chunks * chunkBytes + rest - tagBytes : null;
}

const noData = Buffer.alloc(0);
const nonce = Buffer.alloc(nonceBytes);

/** The base nonce with the chunk's number mixed into its last five bytes. */
function nonceOf({ baseNonce }: ChunkKeys, index: number): Buffer {
  if (index >= maxChunks) throw cryptoError('ERR_CRYPTO_INPUT', 'a file has at most 2^38 chunks of 16 KiB');
  baseNonce.copy(nonce);
  let rest = index;
  for (let at = nonceBytes - 1; rest > 0; at -= 1) {
    nonce[at] = (nonce[at] ?? 0) ^ (rest & 0xff);
    rest = Math.floor(rest / 256);
  }
  return nonce;
}

/** Writes the sealed chunk into `target` at `offset`. */
export function sealChunkInto(
  keys: ChunkKeys,
  index: number,
  plaintext: Uint8Array,
  target: Buffer,
  offset: number,
): void {
  aeadSealInto(keys.key, nonceOf(keys, index), noData, plaintext, target, offset);
}

/** The sealed chunk as ciphertext and tag, as the cipher gave them: nothing is copied. */
export function sealChunk(keys: ChunkKeys, index: number, plaintext: Uint8Array): readonly [Buffer, Buffer] {
  return aeadSealApart(keys.key, nonceOf(keys, index), noData, plaintext);
}

/** @returns the chunk's plaintext, or null when it is not authentic at this place */
export function openChunk(keys: ChunkKeys, index: number, sealed: Buffer): Buffer | null {
  return aeadOpen(keys.key, nonceOf(keys, index), noData, sealed);
}
