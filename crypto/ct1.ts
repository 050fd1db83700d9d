import type { KeyId } from '../kernel/index.ts';
import { nonceBytes, tagBytes } from './aead.ts';
import { keyBytes, type Suite } from './derive.ts';
import { extendedNonceBytes } from './xaes.ts';

/** Suite 01: one field. */
export const fieldSuite = 0x01;
/** Suite 02: one field under a tenant's key that seals very many, with a 192-bit nonce. */
export const extendedSuite = 0x02;
/** Suite 03: a packed row. */
export const rowSuite = 0x03;
/** Suite 04: one field with the key's commitment inline. */
export const portableSuite = 0x04;
/** suite(1) flags(1) kid(8). */
export const headerBytes = 10;
/** Where the ciphertext of suites 01 and 03 begins, and the commitment of suite 04. */
export const bodyOffset = headerBytes + nonceBytes;
/** Where the ciphertext of suite 02 begins. */
export const extendedBodyOffset = headerBytes + extendedNonceBytes;
/** Where the ciphertext of suite 04 begins. */
export const portableBodyOffset = bodyOffset + keyBytes;
/** Largest plaintext of one ciphertext: 16 MiB. */
export const maxPlaintextBytes = 16 * 1024 * 1024;
const tenantScopeFlag = 0b100;
const textPrefix = 'ct1.';

/** What a ciphertext holds: one value, or the fields of a packed row. Files are read in `files/`. */
export type CiphertextKind = 'field' | 'row';

/** A ciphertext whose form is right; whether it is authentic is not yet known. */
export type ParsedCiphertext = {
  readonly bytes: Buffer;
  readonly suite: 0x01 | 0x02 | 0x03 | 0x04;
  readonly tenantScope: boolean;
  readonly kid: KeyId;
};

/** Writes suite, flags and key id. */
export function writeHeader(target: Buffer, suite: Suite, tenantScope: boolean, kid: Buffer): void {
  target[0] = suite;
  target[1] = tenantScope ? tenantScopeFlag : 0;
  target.set(kid, 2);
}

/** @returns suite 01, 02, 04 for a field, 03 for a row, null for everything else */
function suiteOf(byte: number | undefined, expected: CiphertextKind): ParsedCiphertext['suite'] | null {
  if (expected === 'row') return byte === rowSuite ? byte : null;
  return byte === fieldSuite || byte === extendedSuite || byte === portableSuite ? byte : null;
}

function bodyOffsetOf(suite: ParsedCiphertext['suite']): number {
  if (suite === extendedSuite) return extendedBodyOffset;
  return suite === portableSuite ? portableBodyOffset : bodyOffset;
}

/**
 * Reads the header; strict about suite, flags and length.
 *
 * @returns null for anything that is not CT1 of the expected kind
 */
export function parseCiphertext(value: Uint8Array, expected: CiphertextKind): ParsedCiphertext | null {
  const bytes = Buffer.isBuffer(value)
    ? value
    : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const suite = suiteOf(bytes[0], expected);
  if (suite === null) return null;
  const plaintextBytes = bytes.length - bodyOffsetOf(suite) - tagBytes;
  if (plaintextBytes < 0 || plaintextBytes > maxPlaintextBytes) return null;
  const tenantScope = readScope(bytes);
  // Only a tenant's key ever seals so much that it needs the long nonce.
  if (tenantScope === null || (suite === extendedSuite && !tenantScope)) return null;
  return { bytes, suite, tenantScope, kid: readKid(bytes) };
}

/** @returns whether the key is a tenant's; null when the flags are not ones that this house writes */
export function readScope(header: Buffer): boolean | null {
  const flags = header[1];
  return flags === 0 || flags === tenantScopeFlag ? flags === tenantScopeFlag : null;
}

/** The key id of a header. */
export function readKid(header: Buffer): KeyId {
  return header.toString('hex', 2, headerBytes) as KeyId; // eight bytes are sixteen hex digits
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
