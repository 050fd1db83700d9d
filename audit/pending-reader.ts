import type { TenantId } from '../kernel/index.ts';
import type { Database } from '../db/index.ts';
import type { Queued } from './batch.ts';
import { hashLeaf, type Leaf } from './leaf.ts';
import { deletePending, selectPending } from './store-sequencer.ts';

/** Reads what committed transactions left for the log. */
export type PendingReader = {
  readonly read: (limit?: number) => Promise<{ readonly rows: readonly Queued[]; readonly more: boolean }>;
  /** Leaves one event where it is until the process ends: the database refuses it. */
  readonly skip: (queued: Queued) => void;
  /** Leaves a tenant's events alone for a while: its log cannot be written. */
  readonly skipTenant: (tenantId: TenantId) => void;
  /** Takes out an event that its idempotency key shows to be in the log already. */
  readonly forget: (queued: Queued) => void;
};

type PendingRow = Leaf & { readonly tenantId: TenantId; readonly idempotencyKey: string | null };

const defaultLimit = 1_000;
const skipTenantMilliseconds = 10_000;

/** Times by a clock that nobody turns. */
export function createPendingReader(database: Database): PendingReader {
  const skippedIds = new Set<string>();
  const skippedTenants = new Map<TenantId, number>();
  const forgotten: Queued[] = [];
  const removeForgotten = async (): Promise<void> => {
    if (forgotten.length === 0) return;
    const taken = forgotten.slice();
    await database.withSequencer((tx) =>
      tx.query(deletePending, [taken.map(({ tenantId }) => tenantId), taken.map(({ leaf }) => leaf.id)]),
    );
    forgotten.splice(0, taken.length);
  };
  return Object.freeze({
    read: async (limit = defaultLimit) => {
      await removeForgotten();
      const now = performance.now();
      for (const [tenantId, until] of skippedTenants) if (until < now) skippedTenants.delete(tenantId);
      const values = [[...skippedTenants.keys()], [...skippedIds], limit];
      const { rows } = await database.withSequencer((tx) => tx.query<PendingRow>(selectPending, values));
      return { rows: rows.map(toQueued), more: rows.length === limit };
    },
    skip: ({ leaf }) => void skippedIds.add(leaf.id),
    skipTenant: (tenantId: TenantId) =>
      void skippedTenants.set(tenantId, performance.now() + skipTenantMilliseconds),
    forget: (queued: Queued) => void forgotten.push(queued),
  });
}

function toQueued({ tenantId, idempotencyKey, ...leaf }: PendingRow): Queued {
  return { tenantId, leaf: hashLeaf(leaf), idempotencyKey, pending: true, waiters: [] };
}
