import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { cryptoError } from './errors.ts';

/** Hashes that keys are derived with. */
export type HashName = 'sha256' | 'sha512';

const digestBytes: Readonly<Record<HashName, number>> = { sha256: 32, sha512: 64 };
const maxBlocks = 255;

/** HMAC of the parts one after another. */
export function hmac(hash: HashName, key: KeyObject, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const state = createHmac(hash, key);
  for (const part of parts) state.update(part);
  return state.digest();
}

/**
 * HKDF-Extract: a uniform key from input that is not.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5869#section-2.2
 */
export function hkdfExtract(hash: HashName, salt: Uint8Array, input: KeyObject): KeyObject {
  const own = salt.length === 0 ? Buffer.alloc(digestBytes[hash]) : salt;
  const bytes = input.export();
  const extracted = hmac(hash, createSecretKey(own), bytes);
  const key = createSecretKey(extracted);
  for (const copy of [bytes, extracted]) copy.fill(0);
  return key;
}

/**
 * HKDF-Expand.
 *
 * @param length - 1 to 255 digests of bytes
 * @throws ERR_CRYPTO_KEY for any other length
 * @see https://www.rfc-editor.org/rfc/rfc5869#section-2.3
 */
export function hkdfExpand(
  hash: HashName,
  key: KeyObject,
  info: readonly Uint8Array[],
  length: number,
): Buffer {
  const blocks = Math.ceil(length / digestBytes[hash]);
  if (!Number.isSafeInteger(length) || length < 1 || blocks > maxBlocks)
    throw cryptoError(
      'ERR_CRYPTO_KEY',
      `HKDF gives 1 to ${maxBlocks * digestBytes[hash]} bytes, not ${length}`,
    );
  const expanded = Buffer.alloc(blocks * digestBytes[hash]);
  let block: Buffer = Buffer.alloc(0);
  for (let index = 0; index < blocks; index += 1) {
    block = hmac(hash, key, block, ...info, Buffer.of(index + 1));
    expanded.set(block, index * digestBytes[hash]);
  }
  block.fill(0);
  expanded.fill(0, length);
  return expanded.subarray(0, length);
}
