import type { Database, Tx } from '../db/index.ts';
import type { AuditSink, Logger, TenantId } from '../kernel/index.ts';
import { keyBytes } from './derive.ts';
import { cryptoError } from './errors.ts';
import { rotationFinished, rotationStarted } from './events.ts';
import type { RandomPool } from './nonce-pool.ts';
import type { Purge } from './purge.ts';
import type { ProviderRegistry } from './providers/provider-registry.ts';
import {
  countStaleKeys,
  demoteTenantKey,
  hasUnfinishedRotation,
  lockRewrappingTenantKeys,
  lockStaleKeys,
  rewrapKeys,
  supersedeTenantKeys,
} from './store-rotation.ts';
import { insertTenantKey } from './store.ts';
import type { TenantKeys } from './tenant-keys.ts';
import type { RotationOptions, RotationProgress } from './types.ts';
import { rewrapDataKeyInto, wrappedBytes, type TenantKey, type WrapScope } from './wrap.ts';

/** What rotation needs. */
export type RotateDeps = {
  readonly database: Database;
  readonly providers: ProviderRegistry;
  readonly tenantKeys: TenantKeys;
  readonly random: RandomPool;
  readonly purge: Purge;
  readonly audit: () => AuditSink<Tx>;
  readonly logger: Logger;
};

/** As `lockStaleKeys` gives them. */
type StaleKeys = { readonly epoch: number; readonly purpose: string | null; readonly records: Buffer };

/** kid(8) wrapped(60) commitment(32) subject(16) */
const staleBytes = 8 + wrappedBytes + keyBytes + 16;
/** kid(8) wrapped(60) */
const rewrappedBytes = 8 + wrappedBytes;
const defaultBatchSize = 2_000;
const maxBatchSize = 10_000;

/** New epoch, then data keys in batches; what was interrupted is carried on by the next call. */
export async function rotate(
  deps: RotateDeps,
  tenantId: TenantId,
  options: RotationOptions,
): Promise<RotationProgress> {
  const batchSize = Math.min(maxBatchSize, Math.max(1, Math.trunc(options.batchSize ?? defaultBatchSize)));
  const resumed = await deps.database.withTenant(tenantId, isUnfinished);
  if (!resumed) await beginEpoch(deps, tenantId, options);
  const startedAt = performance.now();
  let rewrapped = 0;
  for (;;) {
    options.signal?.throwIfAborted();
    const batch = await deps.database.withTenant(tenantId, (tx) => rewrapBatch(tx, deps, batchSize));
    rewrapped += batch.count;
    const seconds = Math.max(0.001, (performance.now() - startedAt) / 1_000);
    const progress = {
      epoch: batch.epoch,
      resumed,
      rewrapped,
      remaining: batch.remaining,
      keysPerSecond: Math.round(rewrapped / seconds),
    };
    options.onProgress?.(progress);
    if (batch.remaining > 0) continue;
    if (!(await deps.database.withTenant(tenantId, (tx) => finish(tx, deps, progress, options)))) continue;
    return progress;
  }
}

async function isUnfinished(tx: Tx): Promise<boolean> {
  const { rows } = await tx.query<{ unfinished: boolean }>(hasUnfinishedRotation, [tx.tenantId]);
  return rows[0]?.unfinished === true;
}

/** The root is asked before BEGIN; when another process was quicker, its epoch is the one. */
async function beginEpoch(deps: RotateDeps, tenantId: TenantId, options: RotationOptions): Promise<void> {
  const previous = await deps.database.withTenant(tenantId, (tx) => deps.tenantKeys.active(tx));
  const fresh = await deps.tenantKeys.generate(tenantId, previous.epoch + 1);
  await deps.database.withTenant(tenantId, async (tx) => {
    const { rows } = await tx.query<{ epoch: number }>(demoteTenantKey, [tenantId]);
    if (rows[0]?.epoch !== previous.epoch) {
      throw cryptoError(
        'ERR_CRYPTO_KEY',
        'another rotation of this tenant began at the same moment; it goes on, nothing to do',
      );
    }
    await tx.query(insertTenantKey, [tenantId, fresh.epoch, fresh.provider, fresh.wrapped, fresh.commitment]);
    await deps.purge.tenant(tx);
    const detail = { epoch: fresh.epoch, previousEpoch: previous.epoch };
    const target = { type: 'crypto.tenant_key', id: String(fresh.epoch) };
    await deps.audit().append(tx, {
      definition: rotationStarted,
      tenantId,
      outcome: 'success',
      actor: options.actor,
      targets: [target],
      detail,
    });
  });
}

async function rewrapBatch(
  tx: Tx,
  deps: RotateDeps,
  limit: number,
): Promise<{ epoch: number; count: number; remaining: number }> {
  const active = await deps.tenantKeys.active(tx);
  const { rows } = await tx.query<StaleKeys>(lockStaleKeys, [tx.tenantId, active.epoch, limit]);
  const count = rows.reduce((sum, { records }) => sum + records.length / staleBytes, 0);
  const rewrapped = Buffer.alloc(count * rewrappedBytes);
  let at = 0;
  for (const row of rows) {
    const keys = { from: await deps.tenantKeys.byEpoch(tx, row.epoch), to: active };
    at = rewrapAll(tx, deps, keys, row, rewrapped, at);
  }
  if (count > 0) await tx.query(rewrapKeys, [tx.tenantId, active.epoch, count, rewrapped]);
  const { rows: counts } = await tx.query<{ count: number }>(countStaleKeys, [tx.tenantId, active.epoch]);
  return { epoch: active.epoch, count, remaining: counts[0]?.count ?? 0 };
}

/** @returns where the next record goes */
function rewrapAll(
  tx: Tx,
  deps: RotateDeps,
  keys: { readonly from: TenantKey; readonly to: TenantKey },
  { purpose, records }: StaleKeys,
  target: Buffer,
  offset: number,
): number {
  let at = offset;
  for (let start = 0; start < records.length; start += staleBytes) {
    const part = (from: number, size: number): Buffer => records.subarray(start + from, start + from + size);
    const kid = part(0, 8);
    const commitment = part(rewrappedBytes, keyBytes);
    const scope: WrapScope =
      purpose === null
        ? { kind: 'subject_bytes', bytes: part(rewrappedBytes + keyBytes, 16) }
        : { kind: 'tenant', purpose };
    const binding = { tenantId: tx.tenantId, scope, kid, commitment };
    target.set(kid, at);
    if (!rewrapDataKeyInto(keys, binding, part(8, wrappedBytes), deps.random, target, at + 8))
      throw cannotRewrap(tx, deps, keys.from.epoch, kid.toString('hex'));
    at += rewrappedBytes;
  }
  return at;
}

function cannotRewrap(tx: Tx, { logger }: RotateDeps, epoch: number, kid: string): Error {
  const { tenantId } = tx;
  logger.error('a data key does not open under its tenant key; the rotation stops', { tenantId, kid, epoch });
  return cryptoError(
    'ERR_CRYPTO_KEY',
    `data key ${kid} does not open under epoch ${epoch}; the rotation stopped, nothing was lost`,
  );
}

/** @returns false when a transaction that was under way has left a key on an older epoch after all */
async function finish(
  tx: Tx,
  deps: RotateDeps,
  progress: RotationProgress,
  options: RotationOptions,
): Promise<boolean> {
  // Without the lock, a transaction that wraps under the old epoch right now could commit after its destruction.
  await tx.query(lockRewrappingTenantKeys, [tx.tenantId, progress.epoch]);
  await tx.query(supersedeTenantKeys, [tx.tenantId, progress.epoch]);
  if (await isUnfinished(tx)) return false;
  const detail = { epoch: progress.epoch, rewrapped: progress.rewrapped };
  const target = { type: 'crypto.tenant_key', id: String(progress.epoch) };
  await deps.audit().append(tx, {
    definition: rotationFinished,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: options.actor,
    targets: [target],
    detail,
  });
  return true;
}
