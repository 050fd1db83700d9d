import { createSecretKey, type KeyObject } from 'node:crypto';
import type { TenantId } from '../kernel/index.ts';
import { aeadOpen, aeadSealInto, nonceBytes, tagBytes } from './aead.ts';
import { uuidBytes } from './associated-data.ts';
import { dataKeyCommitment, equalInConstantTime, keyBytes } from './derive.ts';
import type { RandomPool } from './nonce-pool.ts';
import type { KeyScope } from './types.ts';

/** nonce(12) key(32) tag(16). */
export const wrappedBytes = nonceBytes + keyBytes + tagBytes;
const label = Buffer.from('ctl/wrap1\0', 'latin1');

/** A tenant's key-encryption key, ready for use. */
export type TenantKey = { readonly epoch: number; readonly key: KeyObject };

/** What a wrapped data key is bound to. */
export type WrapBinding = {
  readonly tenantId: TenantId;
  readonly scope: KeyScope;
  readonly kid: Buffer;
  readonly commitment: Buffer;
};

function encodeScope(scope: KeyScope): Buffer {
  return scope.kind === 'subject'
    ? Buffer.concat([Buffer.from([0]), uuidBytes(scope.subjectId)])
    : Buffer.concat([Buffer.from([1]), Buffer.from(scope.purpose.normalize('NFC'), 'utf8')]);
}

/** label | u16 tenant | u16 scope | kid(8) | u32 epoch | commitment(32) */
function bindingData(binding: WrapBinding, epoch: number): Buffer {
  const scope = encodeScope(binding.scope);
  const data = Buffer.allocUnsafe(label.length + 2 + 16 + 2 + scope.length + 8 + 4 + keyBytes);
  let at = label.copy(data);
  at = data.writeUInt16BE(16, at);
  at += data.write(binding.tenantId.replaceAll('-', ''), at, 'hex');
  at = data.writeUInt16BE(scope.length, at);
  at += scope.copy(data, at);
  at += binding.kid.copy(data, at);
  at = data.writeUInt32BE(epoch, at);
  at += binding.commitment.copy(data, at);
  return data.subarray(0, at);
}

/** Wraps the 32 bytes of a data key under a tenant's key; exactly 60 bytes. */
export function wrapDataKey(
  tenantKey: TenantKey,
  binding: WrapBinding,
  key: Uint8Array,
  random: RandomPool,
): Buffer {
  if (key.length !== keyBytes) throw new RangeError('a data key has 32 bytes');
  const wrapped = Buffer.allocUnsafeSlow(wrappedBytes); // not pooled: pools keep neighbours alive in the cache
  random.fill(wrapped, 0, nonceBytes);
  const nonce = wrapped.subarray(0, nonceBytes);
  aeadSealInto(tenantKey.key, nonce, bindingData(binding, tenantKey.epoch), key, wrapped, nonceBytes);
  return wrapped;
}

function openWrapped(
  tenantKey: TenantKey,
  binding: WrapBinding,
  wrapped: Buffer,
): { key: KeyObject; bytes: Buffer } | null {
  if (wrapped.length !== wrappedBytes || binding.commitment.length !== keyBytes) return null;
  const nonce = wrapped.subarray(0, nonceBytes);
  const bytes = aeadOpen(
    tenantKey.key,
    nonce,
    bindingData(binding, tenantKey.epoch),
    wrapped.subarray(nonceBytes),
  );
  if (bytes === null) return null;
  const key = createSecretKey(bytes);
  if (equalInConstantTime(dataKeyCommitment(key), binding.commitment)) return { key, bytes };
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

/** Wraps the same data key under another tenant key; null when it does not open under the first. */
export function rewrapDataKey(
  from: TenantKey,
  to: TenantKey,
  binding: WrapBinding,
  wrapped: Buffer,
  random: RandomPool,
): Buffer | null {
  const opened = openWrapped(from, binding, wrapped);
  if (opened === null) return null;
  const rewrapped = wrapDataKey(to, binding, opened.bytes, random);
  opened.bytes.fill(0);
  return rewrapped;
}
