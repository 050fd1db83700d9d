import type { KeyId } from '../kernel/index.ts';
import { nonceBytes, tagBytes } from './aead.ts';
import type { Suite } from './derive.ts';

/** Suite 01: one field. */
export const fieldSuite: Suite = 0x01;
/** Suite 03: a packed row. */
export const rowSuite: Suite = 0x03;
/** suite(1) flags(1) kid(8). */
export const headerBytes = 10;
/** Where the ciphertext begins. */
export const bodyOffset = headerBytes + nonceBytes;
/** What CT1 adds to a plaintext. */
export const overheadBytes = bodyOffset + tagBytes;
/** Largest plaintext of one ciphertext: 16 MiB. */
export const maxPlaintextBytes = 16 * 1024 * 1024;
const tenantScopeFlag = 0b100;
const textPrefix = 'ct1.';

/** A ciphertext whose form is right; whether it is authentic is not yet known. */
export type ParsedCiphertext = {
  readonly bytes: Buffer;
  readonly suite: Suite;
  readonly tenantScope: boolean;
  readonly kid: KeyId;
};

/** Writes suite, flags and key id. */
export function writeHeader(target: Buffer, suite: Suite, tenantScope: boolean, kid: Buffer): void {
  target[0] = suite;
  target[1] = tenantScope ? tenantScopeFlag : 0;
  target.set(kid, 2);
}

/**
 * Reads the header; strict about suite, flags and length.
 *
 * @returns null for anything that is not CT1 of the expected suite
 */
export function parseCiphertext(value: Uint8Array, expected: Suite): ParsedCiphertext | null {
  const bytes = Buffer.isBuffer(value)
    ? value
    : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (bytes.length < overheadBytes || bytes.length > overheadBytes + maxPlaintextBytes) return null;
  if (bytes[0] !== expected) return null;
  const flags = bytes[1];
  if (flags !== 0 && flags !== tenantScopeFlag) return null;
  const kid = bytes.toString('hex', 2, headerBytes) as KeyId; // eight bytes are sixteen hex digits
  return { bytes, suite: expected, tenantScope: flags === tenantScopeFlag, kid };
}

/** The text form, for places that hold no bytes. */
export function toText(ciphertext: Uint8Array): string {
  return textPrefix + Buffer.from(ciphertext).toString('base64url');
}

/** @returns the bytes, or null when it is not canonical `ct1.` text */
export function fromText(text: string): Buffer | null {
  if (!text.startsWith(textPrefix)) return null;
  const bytes = Buffer.from(text.slice(textPrefix.length), 'base64url');
  return toText(bytes) === text ? bytes : null; // base64url decoding forgives; we do not
}
