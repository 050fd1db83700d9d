import { createSecretKey, type KeyObject } from 'node:crypto';
import type { TenantId } from '../kernel/index.ts';
import { aeadOpenAt, aeadSealInto, nonceBytes, tagBytes, type AeadKey } from './aead.ts';
import { tenantItem, writeUuid } from './associated-data.ts';
import { dataKeyCommitment, equalInConstantTime, keyBytes } from './derive.ts';
import { cryptoError } from './errors.ts';
import type { RandomPool } from './nonce-pool.ts';
import type { KeyScope } from './types.ts';

/** nonce(12) key(32) tag(16). */
export const wrappedBytes = nonceBytes + keyBytes + tagBytes;
const kidBytes = 8;
const label = Buffer.from('ctl/wrap1\0', 'latin1');

/** A tenant's key-encryption key, ready for use. */
export type TenantKey = { readonly epoch: number; readonly key: AeadKey };

/** Whose key it is; bulk work has the subject's 16 bytes at hand instead of its text. */
export type WrapScope = KeyScope | { readonly kind: 'subject_bytes'; readonly bytes: Buffer };

/** What a wrapped data key is bound to. */
export type WrapBinding = {
  readonly tenantId: TenantId;
  readonly scope: WrapScope;
  readonly kid: Buffer;
  readonly commitment: Buffer;
};

const maxPurposeBytes = 400;
const subjectScopeBytes = 17;
const scratch = Buffer.alloc(label.length + 18 + 2 + 1 + maxPurposeBytes + 8 + 4 + keyBytes);
label.copy(scratch);

/** A kind byte, then the subject's 16 bytes or the purpose. */
function writeScope(scope: WrapScope, at: number): number {
  if (scope.kind !== 'tenant') {
    scratch.writeUInt16BE(subjectScopeBytes, at);
    scratch[at + 2] = 0;
    if (scope.kind === 'subject') writeUuid(scope.subjectId, scratch, at + 3);
    else scratch.set(scope.bytes, at + 3);
    return at + 2 + subjectScopeBytes;
  }
  const purpose = Buffer.from(scope.purpose.normalize('NFC'), 'utf8');
  if (purpose.length === 0 || purpose.length > maxPurposeBytes) {
    throw cryptoError('ERR_CRYPTO_INPUT', `a purpose must have 1 to ${maxPurposeBytes} bytes`);
  }
  scratch.writeUInt16BE(1 + purpose.length, at);
  scratch[at + 2] = 1;
  scratch.set(purpose, at + 3);
  return at + 3 + purpose.length;
}

/**
 * label | u16 tenant | u16 scope | kid(8) | u32 epoch | commitment(32)
 *
 * @returns a view of a shared buffer, good until the next call
 */
function bindingData(binding: WrapBinding, epoch: number): Buffer {
  const tenant = tenantItem(binding.tenantId);
  scratch.set(tenant, label.length);
  let at = writeScope(binding.scope, label.length + tenant.length);
  scratch.set(binding.kid, at);
  at = scratch.writeUInt32BE(epoch, at + binding.kid.length);
  scratch.set(binding.commitment, at);
  return scratch.subarray(0, at + binding.commitment.length);
}

const nonceInHand = Buffer.alloc(nonceBytes);

/** Wraps the 32 bytes of a data key under a tenant's key: 60 bytes into `target` at `offset`. */
export function wrapDataKeyInto(
  tenantKey: TenantKey,
  binding: WrapBinding,
  key: Uint8Array,
  random: RandomPool,
  target: Buffer,
  offset: number,
): void {
  if (key.length !== keyBytes) throw new RangeError('a data key has 32 bytes');
  random.fill(nonceInHand, 0, nonceBytes);
  target.set(nonceInHand, offset);
  const associatedData = bindingData(binding, tenantKey.epoch);
  aeadSealInto(tenantKey.key, nonceInHand, associatedData, key, target, offset + nonceBytes);
}

/** As {@link wrapDataKeyInto}, as a new buffer. */
export function wrapDataKey(
  tenantKey: TenantKey,
  binding: WrapBinding,
  key: Uint8Array,
  random: RandomPool,
): Buffer {
  const wrapped = Buffer.alloc(wrappedBytes);
  wrapDataKeyInto(tenantKey, binding, key, random, wrapped, 0);
  return wrapped;
}

function openWrapped(
  tenantKey: TenantKey,
  binding: WrapBinding,
  wrapped: Buffer,
): { key: KeyObject; bytes: Buffer } | null {
  const { commitment, kid } = binding;
  if (wrapped.length !== wrappedBytes || commitment.length !== keyBytes || kid.length !== kidBytes)
    return null;
  const bytes = aeadOpenAt(tenantKey.key, bindingData(binding, tenantKey.epoch), wrapped, 0);
  if (bytes === null) return null;
  const key = createSecretKey(bytes);
  if (equalInConstantTime(dataKeyCommitment(key), commitment)) return { key, bytes };
  bytes.fill(0);
  return null;
}

/**
 * Unwraps a data key and checks that it is the one the row commits to.
 *
 * @returns null when length, binding or commitment is wrong: one answer for every cause
 */
export function unwrapDataKey(tenantKey: TenantKey, binding: WrapBinding, wrapped: Buffer): KeyObject | null {
  const opened = openWrapped(tenantKey, binding, wrapped);
  if (opened === null) return null;
  opened.bytes.fill(0);
  return opened.key;
}

/**
 * Wraps the same data key under another tenant key, into `target`; false when it does not open under the first. The
 * commitment is bound in the associated data of both, so it cannot change here; that the key is the one committed to is
 * checked where it is used, which spares half of the work.
 */
export function rewrapDataKeyInto(
  keys: { readonly from: TenantKey; readonly to: TenantKey },
  binding: WrapBinding,
  wrapped: Buffer,
  random: RandomPool,
  target: Buffer,
  offset: number,
): boolean {
  const { commitment, kid } = binding;
  if (wrapped.length !== wrappedBytes || commitment.length !== keyBytes || kid.length !== kidBytes)
    return false;
  const bytes = aeadOpenAt(keys.from.key, bindingData(binding, keys.from.epoch), wrapped, 0);
  if (bytes === null) return false;
  wrapDataKeyInto(keys.to, binding, bytes, random, target, offset);
  bytes.fill(0);
  return true;
}
