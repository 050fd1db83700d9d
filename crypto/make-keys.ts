import { createSecretKey } from 'node:crypto';
import type { KeyId, TenantId } from '../kernel/index.ts';
import { writeUuid } from './associated-data.ts';
import { createDataKey, type DataKey, type OnUncounted } from './data-key.ts';
import { dataKeyCommitment, keyBytes } from './derive.ts';
import type { RandomPool } from './nonce-pool.ts';
import type { KeyScope } from './types.ts';
import { wrapDataKeyInto, wrappedBytes, type TenantKey } from './wrap.ts';

/** New data keys, and their rows as one byte string: one parameter costs less than thousands. */
export type FreshKey = {
  readonly epoch: number;
  readonly countedAhead: number;
  readonly keys: readonly DataKey[];
  /** For each key kid(8) subject(16, zero for tenant keys) wrapped(60) commitment(32). */
  readonly blob: Buffer;
};

/** Messages that a new key is credited with at once, so that most keys never need a second count. */
const messagesCountedAhead = 1_024;
/** Bytes of one key in the blob. */
const recordBytes = 8 + 16 + wrappedBytes + keyBytes;
/** The key in the clear is here only while it is wrapped. */
const scratch = Buffer.allocUnsafeSlow(keyBytes);

/** Makes data keys and wraps them under the tenant's key; nothing is stored yet. */
export function makeKeys(
  tenantId: TenantId,
  deps: { readonly random: RandomPool; readonly onUncounted: OnUncounted },
  tenantKey: TenantKey,
  scopes: readonly KeyScope[],
): FreshKey {
  const { random, onUncounted } = deps;
  const blob = Buffer.alloc(recordBytes * scopes.length);
  const keys = scopes.map((scope, index) => {
    const at = index * recordBytes;
    random.fill(blob, at, 8);
    random.fill(scratch, 0, keyBytes);
    const material = createSecretKey(scratch);
    const commitment = dataKeyCommitment(material);
    const kidBytes = blob.subarray(at, at + 8);
    if (scope.kind === 'subject') writeUuid(scope.subjectId, blob, at + 8);
    const binding = { tenantId, scope, kid: kidBytes, commitment };
    wrapDataKeyInto(tenantKey, binding, scratch, random, blob, at + 24);
    blob.set(commitment, at + 24 + wrappedBytes);
    scratch.fill(0);
    const kid = kidBytes.toString('hex') as KeyId; // eight bytes are sixteen hex digits
    const counts = { messages: messagesCountedAhead, countedAhead: messagesCountedAhead };
    return createDataKey({
      tenantId,
      kid,
      kidBytes: Buffer.from(kidBytes),
      scope,
      material,
      ...counts,
      onUncounted,
    });
  });
  return { epoch: tenantKey.epoch, countedAhead: messagesCountedAhead, keys, blob };
}
