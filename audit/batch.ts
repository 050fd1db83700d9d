import type { TenantId } from '../kernel/index.ts';
import { signCheckpoint } from './checkpoint.ts';
import { createCopyWriter, type CopyWriter } from './copy-writer.ts';
import type { HashedLeaf } from './leaf.ts';
import type { LogState } from './log-state.ts';
import type { FullTile } from './tree-writer.ts';

/** Who waits for an entry. */
export type Waiter = { readonly resolve: () => void; readonly reject: (error: unknown) => void };

/** A leaf on its way into the log. */
export type Queued = {
  readonly tenantId: TenantId;
  readonly leaf: HashedLeaf;
  readonly idempotencyKey: string | null;
  /** True when it lies in audit.pending and must leave it in the same transaction. */
  readonly pending: boolean;
  readonly waiters: Waiter[];
};

/** The new head of one log. */
export type HeadMove = {
  readonly tenantId: TenantId;
  readonly oldSize: number;
  readonly epoch: number;
  readonly size: number;
  readonly root: Buffer;
  readonly frontier: Buffer;
  readonly checkpoint: string;
};

/** What one transaction writes. */
export type SealedBatch = {
  readonly entries: readonly Queued[];
  readonly heads: readonly HeadMove[];
  readonly tiles: readonly (FullTile & { readonly tenantId: TenantId })[];
  readonly entryRows: Buffer;
  readonly subjectRows: Buffer | null;
};

/** Collects entries of many logs, hashing them into their trees and writing their rows as they come. */
export type Batch = {
  readonly add: (state: LogState, queued: Queued) => void;
  readonly entries: () => readonly Queued[];
  readonly count: () => number;
  /** Signs one checkpoint per log; the batch takes nothing more afterwards. */
  readonly seal: () => SealedBatch;
};

const smallestBytes = 64 * 1024;
const entryColumns = 12;
const subjectColumns = 3;

/** An empty batch. @param expectedBytes - of its rows, so that they are not copied while they grow */
export function createBatch(expectedBytes = smallestBytes): Batch {
  const entries: Queued[] = [];
  const logs = new Map<LogState, number>();
  const tiles: (FullTile & { tenantId: TenantId })[] = [];
  const entryRows = createCopyWriter(expectedBytes);
  let subjectRows: CopyWriter | null = null;

  const add = (state: LogState, queued: Queued): void => {
    const { tenantId, leaf } = queued;
    const seq = state.tree.size();
    if (!logs.has(state)) logs.set(state, seq);
    state.tree.append(leaf.leafHash, (tile) => tiles.push({ ...tile, tenantId }));
    writeEntry(entryRows, queued, seq);
    for (const subject of leaf.subjects) {
      subjectRows ??= createCopyWriter();
      subjectRows.row(subjectColumns);
      subjectRows.uuid(tenantId);
      subjectRows.uuid(subject);
      subjectRows.bigint(seq);
    }
    entries.push(queued);
  };
  const seal = (): SealedBatch => ({
    entries,
    heads: Array.from(logs, ([state, oldSize]) => signHead(state, oldSize)),
    tiles,
    entryRows: entryRows.finish(),
    subjectRows: subjectRows?.finish() ?? null,
  });
  return Object.freeze({ add, entries: () => entries, count: () => entries.length, seal });
}

function writeEntry(rows: CopyWriter, { tenantId, leaf, idempotencyKey }: Queued, seq: number): void {
  rows.row(entryColumns);
  rows.uuid(tenantId);
  rows.bigint(seq);
  rows.uuid(leaf.id);
  rows.timestamp(leaf.occurredAt);
  rows.timestamp(leaf.receivedAt);
  rows.text(leaf.action);
  rows.text(leaf.outcome);
  rows.text(leaf.actorId);
  rows.text(leaf.targets);
  rows.text(idempotencyKey);
  rows.bytes(leaf.leafHash);
  rows.bytes(leaf.body);
}

function signHead({ log, signer, epoch, tree }: LogState, oldSize: number): HeadMove {
  const [size, root] = [tree.size(), tree.root()];
  const checkpoint = signCheckpoint({ origin: log.origin, size, root }, signer);
  return {
    tenantId: log.tenantId,
    oldSize,
    epoch,
    size,
    root,
    frontier: Buffer.concat(tree.frontier()),
    checkpoint,
  };
}
