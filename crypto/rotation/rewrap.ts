import type { Tx } from '../../db/index.ts';
import type { Logger } from '../../kernel/index.ts';
import { keyBytes } from '../derive.ts';
import { cryptoError } from '../errors.ts';
import type { RandomPool } from '../nonce-pool.ts';
import {
  countStaleKeys,
  hasUnfinishedRotation,
  lockRewrappingTenantKeys,
  lockStaleKeys,
  rewrapKeys,
  supersedeTenantKeys,
} from '../store-rotation.ts';
import type { TenantKeys } from '../tenant-keys.ts';
import { rewrapDataKeyInto, wrappedBytes, type TenantKey, type WrapScope } from '../wrap.ts';
import type { Part } from './key-job.ts';

/** What wrapping again needs. */
export type RewrapDeps = {
  readonly tenantKeys: TenantKeys;
  readonly random: RandomPool;
  readonly logger: Logger;
};

/** As `lockStaleKeys` gives them. */
type StaleKeys = { readonly epoch: number; readonly purpose: string | null; readonly records: Buffer };

/** kid(8) wrapped(60) commitment(32) subject(16) */
const staleBytes = 8 + wrappedBytes + keyBytes + 16;
/** kid(8) wrapped(60) */
const rewrappedBytes = 8 + wrappedBytes;
/** The record in hand: copied, because views cost more, and nothing waits in between. */
const inHand = {
  kid: Buffer.alloc(8),
  wrapped: Buffer.alloc(wrappedBytes),
  commitment: Buffer.alloc(keyBytes),
  subject: Buffer.alloc(16),
};
const parts = [inHand.kid, inHand.wrapped, inHand.commitment, inHand.subject];
const subjectScope: WrapScope = { kind: 'subject_bytes', bytes: inHand.subject };
/** Another process or lane holds the last keys: look again soon. */
const waitMilliseconds = 20;

/** Whether data keys are left under an epoch that is being left. */
export async function isUnfinished(tx: Tx): Promise<boolean> {
  const { rows } = await tx.query<{ unfinished: boolean }>(hasUnfinishedRotation, [tx.tenantId]);
  return rows[0]?.unfinished === true;
}

/** How many data keys are under an older epoch than the active one. */
export async function countStale(tx: Tx, deps: Pick<RewrapDeps, 'tenantKeys'>): Promise<number> {
  const active = await deps.tenantKeys.active(tx);
  const { rows } = await tx.query<{ count: number }>(countStaleKeys, [tx.tenantId, active.epoch]);
  return rows[0]?.count ?? 0;
}

/** One batch of data keys under the active epoch; when none is left, the older epochs are superseded. */
export async function rewrapPart(tx: Tx, deps: RewrapDeps, limit: number): Promise<Part> {
  const active = await deps.tenantKeys.active(tx);
  const { rows } = await tx.query<StaleKeys>(lockStaleKeys, [tx.tenantId, active.epoch, limit]);
  const count = rows.reduce((sum, { records }) => sum + records.length / staleBytes, 0);
  const part = { phase: 'rewrap', position: null, done: count };
  if (count === 0)
    return (await supersede(tx, active.epoch)) ? { ...part, finished: true } : { ...part, waitMilliseconds };
  const rewrapped = Buffer.allocUnsafe(count * rewrappedBytes);
  let at = 0;
  for (const row of rows) {
    const keys = { from: await deps.tenantKeys.byEpoch(tx, row.epoch), to: active };
    at = rewrapAll(tx, deps, keys, row, rewrapped, at);
  }
  await tx.query(rewrapKeys, [tx.tenantId, active.epoch, count, rewrapped]);
  return part;
}

/** @returns where the next record goes */
function rewrapAll(
  tx: Tx,
  deps: RewrapDeps,
  keys: { readonly from: TenantKey; readonly to: TenantKey },
  { purpose, records }: StaleKeys,
  target: Buffer,
  offset: number,
): number {
  const scope: WrapScope = purpose === null ? subjectScope : { kind: 'tenant', purpose };
  const binding = { tenantId: tx.tenantId, scope, kid: inHand.kid, commitment: inHand.commitment };
  let at = offset;
  for (let start = 0; start < records.length; start += staleBytes) {
    let read = start;
    for (const part of parts) read += records.copy(part, 0, read, read + part.length);
    target.set(inHand.kid, at);
    if (!rewrapDataKeyInto(keys, binding, inHand.wrapped, deps.random, target, at + 8))
      throw cannotRewrap(tx, deps, keys.from.epoch, inHand.kid.toString('hex'));
    at += rewrappedBytes;
  }
  return at;
}

function cannotRewrap(tx: Tx, { logger }: RewrapDeps, epoch: number, kid: string): Error {
  const { tenantId } = tx;
  logger.error('a data key does not open under its tenant key; the rotation stops', { tenantId, kid, epoch });
  return cryptoError(
    'ERR_CRYPTO_KEY',
    `data key ${kid} does not open under epoch ${epoch}; the rotation stopped, nothing was lost`,
  );
}

/** @returns false when a transaction that was under way has left a key on an older epoch after all */
async function supersede(tx: Tx, epoch: number): Promise<boolean> {
  // Without the lock, a transaction that wraps under the old epoch right now could commit after its destruction.
  await tx.query(lockRewrappingTenantKeys, [tx.tenantId, epoch]);
  await tx.query(supersedeTenantKeys, [tx.tenantId, epoch]);
  return !(await isUnfinished(tx));
}
