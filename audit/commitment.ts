import { sha256 } from './hash.ts';
import { auditError } from './errors.ts';

const saltBytes = 32;
const smallestBucketBytes = 128;

/** A personal field group with the salt that hides it. */
export type SaltedGroup = { readonly salt: Buffer; readonly json: string };

/** SHA-256(salt32 || canonical group): what a leaf holds instead of personal data. */
export function commitGroup(group: SaltedGroup): Buffer {
  return sha256(Buffer.concat([group.salt, Buffer.from(group.json, 'utf8')]));
}

/**
 * What is sealed: salt, length (16 bits), group, zeros up to a power of two of at least 128 bytes, so that the
 * ciphertext's length says little about the person.
 */
export function packGroup(group: SaltedGroup): Buffer {
  const json = Buffer.from(group.json, 'utf8');
  const needed = saltBytes + 2 + json.length;
  if (json.length > 0x7fff)
    throw auditError('ERR_AUDIT_INVALID_EVENT', 'an actor or origin is longer than 32 KiB');
  let size = smallestBucketBytes;
  while (size < needed) size *= 2;
  const packed = Buffer.alloc(size);
  group.salt.copy(packed, 0);
  packed.writeUInt16BE(json.length, saltBytes);
  json.copy(packed, saltBytes + 2);
  return packed;
}

/** Reads what {@link packGroup} wrote. @throws ERR_AUDIT_CORRUPT */
export function unpackGroup(packed: Buffer): SaltedGroup {
  const end = packed.length < saltBytes + 2 ? Infinity : saltBytes + 2 + packed.readUInt16BE(saltBytes);
  if (end > packed.length) throw auditError('ERR_AUDIT_CORRUPT', 'a sealed group is shorter than it says');
  return { salt: packed.subarray(0, saltBytes), json: packed.toString('utf8', saltBytes + 2, end) };
}
