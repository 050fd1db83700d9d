import { createHash, timingSafeEqual } from 'node:crypto';
import type { RandomBytes } from '../kernel/index.ts';

/** SHA-256. Enough for secrets of 112 bits and more; passwords go through argon2id. */
export function sha256(value: string | Uint8Array): Buffer {
  return createHash('sha256').update(value).digest();
}

/** Compares without telling by time where two digests differ. */
export function sameDigest(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

/** A fresh 256-bit secret, base64url. */
export function newSecret(randomBytes: RandomBytes): string {
  return randomBytes(32).toString('base64url');
}
