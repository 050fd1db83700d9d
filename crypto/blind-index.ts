import { createHmac, type KeyObject } from 'node:crypto';

/**
 * HMAC-SHA-256, cut to its first `bits`; bits of the last byte beyond them are zero.
 *
 * @param bits - 8..256
 */
export function blindIndex(key: KeyObject, normalised: string, bits: number): Buffer {
  const digest = createHmac('sha256', key).update(normalised, 'utf8').digest();
  if (bits === 256) return digest;
  const bytes = Math.ceil(bits / 8);
  const extra = bits % 8;
  const last = digest[bytes - 1] ?? 0;
  if (extra !== 0) digest[bytes - 1] = last & (0xff << (8 - extra));
  return digest.subarray(0, bytes);
}
