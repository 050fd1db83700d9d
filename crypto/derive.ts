import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { toAeadKey, type AeadKey } from './aead.ts';

/** Suites of CT1 that this house writes and reads. */
export type Suite = 0x01 | 0x02 | 0x03 | 0x04 | 0x05;

// The info of one HMAC with the block number behind it: one call instead of three.
const encryptionInfos: readonly Buffer[] = [0, 1, 2, 3, 4, 5].map((suite) =>
  Buffer.from(`ctl/ct1/enc\0${String.fromCharCode(suite)}\x01`, 'latin1'),
);
const commitInfo = Buffer.from('ctl/ct1/commit\0\x01', 'latin1');
const indexLabel = Buffer.from('ctl/ct1/index\0', 'latin1');
const macLabel = Buffer.from('ctl/ct1/mac\0', 'latin1');
const wrapCommitLabel = Buffer.from('ctl/wrap1/commit\0', 'latin1');
const firstBlock = Buffer.from([0x01]);
/** Bytes of every key and every commitment. */
export const keyBytes = 32;

/**
 * HKDF-Expand with SHA-512 to 32 bytes: one HMAC, because the input is already a uniform key.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5869#section-2.3
 */
export function expand(key: KeyObject, ...info: readonly Uint8Array[]): Buffer {
  return expandBlock(key, Buffer.concat([...info, firstBlock]));
}

/** @param info - with the block number behind it @returns the first half of the block, the rest wiped */
function expandBlock(key: KeyObject, info: Uint8Array): Buffer {
  const block = createHmac('sha512', key).update(info).digest();
  return block.fill(0, keyBytes).subarray(0, keyBytes); // digest() gives memory of its own
}

function toKey(bytes: Buffer): KeyObject {
  const derived = createSecretKey(bytes);
  bytes.fill(0);
  return derived;
}

/** The key that encrypts under one suite. */
export function deriveEncryptionKey(dataKey: KeyObject, suite: Suite): AeadKey {
  return toAeadKey(toKey(expandBlock(dataKey, encryptionInfos[suite] ?? Buffer.alloc(0))));
}

/** What a data-key row commits to. */
export function dataKeyCommitment(dataKey: KeyObject): Buffer {
  return expandBlock(dataKey, commitInfo);
}

/** What a tenant-key row commits to. */
export function tenantKeyCommitment(tenantKey: KeyObject): Buffer {
  return expand(tenantKey, wrapCommitLabel);
}

/** Length-prefixed, so that no two lists of parts encode alike. */
function encodeParts(parts: readonly string[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const bytes = Buffer.from(part.normalize('NFC'), 'utf8');
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length);
      return [length, bytes];
    }),
  );
}

/** The key of one blind index: per collection, field, index name and version, under the tenant's index key. */
export function deriveIndexKey(
  dataKey: KeyObject,
  index: { readonly type: string; readonly field: string; readonly name: string; readonly version: number },
): KeyObject {
  const parts = encodeParts([index.type, index.field, index.name]);
  return toKey(expand(dataKey, indexLabel, parts, Buffer.from([index.version])));
}

/** The key of `mac`. */
export function deriveMacKey(dataKey: KeyObject): KeyObject {
  return toKey(expand(dataKey, macLabel));
}

/** Compares two values of equal length in constant time. */
export function equalInConstantTime(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
