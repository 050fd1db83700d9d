import { setTimeout as pause } from 'node:timers/promises';
import type { TenantId } from '../../kernel/index.ts';
import type { Actor } from '../types.ts';
import {
  closeWork,
  leaseEnd,
  lostLease,
  moveTo,
  openWork,
  readMigration,
  type ColumnDeps,
  type Work,
} from './migration-work.ts';
import { countWaiting, selectWaiting, writeSealed } from './rows.ts';
import { retried } from './retried.ts';
import { sealBatch } from './seal-batch.ts';
import { nextState, type ColumnState } from './states.ts';
import { writeProgress, type Finding } from './store.ts';

/** Choices of a backfill. */
export type BackfillOptions = {
  readonly actor: Actor;
  /** Rows per transaction, 1..5,000; default 500. */
  readonly batchSize?: number;
  /** Milliseconds between two batches, so that the table's own work goes first; default 0. */
  readonly pauseMilliseconds?: number;
  readonly onProgress?: (progress: BackfillProgress) => void;
  readonly signal?: AbortSignal;
};

/** How far a backfill is. */
export type BackfillProgress = {
  readonly state: ColumnState;
  /** Rows sealed by this call. */
  readonly sealed: number;
  /** Rows that wait, counted at the beginning and when it ends, up to 1,000,000. */
  readonly waiting: number;
  readonly rowsPerSecond: number;
  /** Seconds until nothing waits at this rate; null when nothing was sealed yet. */
  readonly remainingSeconds: number | null;
  /** Rows that cannot be sealed, at most 100 of them. */
  readonly refused: readonly Finding[];
};

type Pass = {
  readonly cursor: string | null;
  readonly found: number;
  /** Rows of this pass that were locked, changed meanwhile or cannot be sealed. */
  readonly left: number;
};

type Run = {
  sealed: number;
  waiting: number;
  readonly startedAt: number;
  readonly refused: Map<string, Finding>;
};

const defaultBatchSize = 500;
const waitingBound = 1_000_000;
const maxFindings = 100;
/** Passes in a row that sealed nothing: what is left is locked by somebody who does not end. */
const maxIdlePasses = 20;
const idlePauseMilliseconds = 50;

/**
 * Seals every row that waits, in batches of row-id order, each in a small transaction of its own that never waits for a
 * lock. Killed at any moment it is carried on by the next call, of any process.
 *
 * @throws ERR_CRYPTO_COLUMN when the step is not possible, another process works on it, or the lease was lost
 */
export async function backfill(
  deps: ColumnDeps,
  tenantId: TenantId,
  id: string,
  options: BackfillOptions,
): Promise<BackfillProgress> {
  const work = await openWork(deps, tenantId, id, 'backfill');
  const run: Run = {
    sealed: 0,
    waiting: await deps.database.withTenant(tenantId, (tx) => countWaiting(tx, work.layout, waitingBound)),
    startedAt: performance.now(),
    refused: new Map(),
  };
  try {
    const complete = await runPasses(deps, work, run, options);
    return await finish(deps, work, run, { ...options, complete });
  } finally {
    await closeWork(deps, work);
  }
}

/** @returns whether nothing waits but rows that cannot be sealed */
async function runPasses(deps: ColumnDeps, work: Work, run: Run, options: BackfillOptions): Promise<boolean> {
  const batchSize = Math.min(5_000, Math.max(1, Math.trunc(options.batchSize ?? defaultBatchSize)));
  let pass: Pass = { cursor: work.migration.passCursor, found: work.migration.passFound, left: 0 };
  for (let idle = 0; idle < maxIdlePasses;) {
    if (options.signal?.aborted === true) return false;
    const before: number = run.sealed;
    const { next, ended } = await retried(() => runBatch(deps, work, run, { pass, batchSize }));
    options.onProgress?.(progressOf(work, run));
    if (ended && next.left === 0 && next.found <= batchSize) return true;
    if (ended) idle = run.sealed === before && next.found <= batchSize ? idle + 1 : 0;
    if (ended && idle > 0) await pause(idlePauseMilliseconds);
    pass = ended ? { cursor: null, found: 0, left: 0 } : next;
    const wait = options.pauseMilliseconds ?? 0;
    if (wait > 0) await pause(wait);
  }
  return false;
}

async function runBatch(
  deps: ColumnDeps,
  work: Work,
  run: Run,
  { pass, batchSize }: { readonly pass: Pass; readonly batchSize: number },
): Promise<{ readonly next: Pass; readonly ended: boolean }> {
  const { tenantId, layout, target, migration, token } = work;
  const result = await deps.database.withTenant(tenantId, async (tx) => {
    const rows = await selectWaiting(tx, layout, pass.cursor, batchSize);
    const { sealed, refused } = await sealBatch(tx, deps.crypto, target, layout, rows);
    const written = await writeSealed(tx, layout, sealed);
    const ended = rows.length < batchSize;
    const found = pass.found + rows.length;
    const next = {
      cursor: rows.at(-1)?.id ?? pass.cursor,
      found,
      left: pass.left + rows.length - written - refused.length,
    };
    const kept = ended ? [null, 0] : [next.cursor, found];
    const rate = rateOf(run.sealed + written, run.startedAt);
    const now = deps.clock.now();
    const values = [tenantId, migration.id, token, ...kept, written, rate, leaseEnd(deps), now];
    if ((await tx.query(writeProgress, values)).rowCount !== 1) throw lostLease();
    return { next, ended, written, refused };
  });
  run.sealed += result.written;
  for (const one of result.refused) if (run.refused.size < maxFindings) run.refused.set(one.rowId, one);
  return result;
}

const rateOf = (rows: number, startedAt: number): number =>
  Math.round(rows / Math.max(0.001, (performance.now() - startedAt) / 1_000));

function progressOf({ migration }: Work, run: Run): BackfillProgress {
  const rowsPerSecond = rateOf(run.sealed, run.startedAt);
  const waiting = Math.max(0, run.waiting - run.sealed);
  return {
    state: migration.state,
    sealed: run.sealed,
    waiting,
    rowsPerSecond,
    remainingSeconds: rowsPerSecond === 0 ? null : Math.ceil(waiting / rowsPerSecond),
    refused: [...run.refused.values()],
  };
}

async function finish(
  deps: ColumnDeps,
  work: Work,
  run: Run,
  { actor, complete }: BackfillOptions & { readonly complete: boolean },
): Promise<BackfillProgress> {
  const { tenantId, layout, migration } = work;
  return deps.database.withTenant(tenantId, async (tx) => {
    const now = await readMigration(tx, migration.id);
    const next = complete && run.refused.size === 0 ? nextState(now.state, 'backfill') : null;
    if (next !== null) await moveTo(deps, tx, now, next, actor);
    const waiting = await countWaiting(tx, layout, waitingBound);
    return { ...progressOf(work, run), state: next ?? now.state, waiting };
  });
}
