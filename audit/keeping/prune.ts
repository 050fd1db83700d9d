import type { Approved } from '../../crypto/index.ts';
import { exactlyOne, type Database, type Tx } from '../../db/index.ts';
import {
  invalidRequest,
  type AuditEvent,
  type AuditSink,
  type Clock,
  type Logger,
  type NewId,
  type TenantId,
} from '../../kernel/index.ts';
import { listLogs } from '../list-logs.ts';
import { tileWidth } from '../tree-writer.ts';
import { entriesPruned, pruneBegun } from './events.ts';
import { readMinimumIndex, readRetention, type RetentionPolicy } from './retention.ts';
import {
  countSinksBehind,
  deletePrunedTerms,
  insertPruneRun,
  movePruneRun,
  pruneBatch,
  pruneUnreferenced,
  selectBatchEnds,
  selectFirstFrom,
  selectPruneRuns,
  takePruneRun,
} from './store.ts';
import { selectLogSize } from '../sinks/store.ts';

/** A run and how far it is. */
export type PruneRun = {
  readonly id: string;
  readonly floor: number;
  readonly policyRevision: number;
  readonly approvalId: string;
  readonly begunAt: Date;
  readonly finishedAt: Date | null;
  readonly removed: number;
  readonly kept: number;
};

/** What pruning needs. */
export type PruneDeps = {
  readonly database: Database;
  readonly audit: () => AuditSink<Tx>;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly logger: Logger;
  /** Entries looked at in one transaction; default 8,192. */
  readonly pruneBatchEntries?: number;
};

/** Letting go of what the policy does not keep. */
export type Pruning = {
  /** Executor of `audit.prune`: begins the first run under a revision of the policy. */
  readonly begin: (approved: Approved) => Promise<unknown>;
  /** Begins a run under an approval that stands. @returns null when there is none, nothing to do, or one runs already */
  readonly beginStanding: (tx: Tx) => Promise<{ readonly runId: string; readonly floor: number } | null>;
  /** Newest first, at most 50. */
  readonly runs: (tx: Tx) => Promise<readonly PruneRun[]>;
  /** The approval under which runs of this policy begin by themselves. */
  readonly standing: (tx: Tx, policy: RetentionPolicy | null) => Promise<string | null>;
  /** Carries unfinished runs on by a batch each. Any number may run, each may die. @returns how many batches */
  readonly tick: () => Promise<number>;
  /** Every log whose policy has a standing approval. */
  readonly beginDue: () => Promise<void>;
};

const engine: AuditEvent['actor'] = Object.freeze({ kind: 'system', id: 'audit', displayName: 'Retention' });
const dayMilliseconds = 86_400_000;
const defaultBatchEntries = 8_192;
const groupsAtOnce = 20_000;
const batchTimeoutMilliseconds = 300_000;

/** Makes the part. */
export function createPruning(deps: PruneDeps): Pruning {
  const { database, logger } = deps;
  const eachLog = async (what: string, work: (tenantId: TenantId) => Promise<number>): Promise<number> => {
    let done = 0;
    for (const { tenantId } of await listLogs(database))
      done += await work(tenantId).catch((error: unknown) => {
        logger.error(`${what} failed; the next round tries again`, { error, tenantId });
        return 0;
      });
    return done;
  };
  const beginStanding = async (tx: Tx) => {
    const policy = await readRetention(tx);
    const approvalId = await findStanding(tx, policy);
    return policy === null || approvalId === null
      ? null
      : beginRun(tx, deps, { policy, approvalId, standing: true });
  };
  return Object.freeze({
    begin: async ({ tenantId, payload, proposalId }) => {
      const { policyRevision } = payload as { readonly policyRevision: number }; // the route's own payload
      return database.withTenant(tenantId, async (tx) => {
        const policy = await readRetention(tx);
        if (policy?.revision !== policyRevision)
          throw invalidRequest('the retention policy was changed since this was proposed; propose it again');
        const begun = await beginRun(tx, deps, { policy, approvalId: proposalId, standing: false });
        return begun ?? { runId: null, floor: await readMinimumIndex(tx) };
      });
    },
    beginStanding,
    runs: readRuns,
    standing: findStanding,
    tick: () =>
      eachLog('pruning', (tenantId) =>
        database.withTenant(tenantId, (tx) => pruneSome(tx, deps), {
          statementTimeoutMilliseconds: batchTimeoutMilliseconds,
        }),
      ),
    beginDue: async () => {
      await eachLog('beginning to prune', (tenantId) =>
        database.withTenant(tenantId, async (tx) => ((await beginStanding(tx)) === null ? 0 : 1)),
      );
    },
  } satisfies Pruning);
}

async function readRuns(tx: Tx): Promise<readonly PruneRun[]> {
  return (await tx.query<PruneRun>(selectPruneRuns, [tx.tenantId, 50])).rows;
}

async function findStanding(tx: Tx, policy: RetentionPolicy | null): Promise<string | null> {
  if (policy === null) return null;
  return (await readRuns(tx)).find((run) => run.policyRevision === policy.revision)?.approvalId ?? null;
}

type Begin = { readonly policy: RetentionPolicy; readonly approvalId: string; readonly standing: boolean };

/** From now on the public log denies what lies below the floor; a run removes it. */
async function beginRun(tx: Tx, deps: PruneDeps, { policy, approvalId, standing }: Begin) {
  if ((await readRuns(tx)).some(({ finishedAt }) => finishedAt === null)) return null;
  const now = deps.clock.now();
  const days = Object.values(policy.days);
  if (days.length === 0) return null;
  const cutoff = new Date(now.getTime() - Math.min(...days) * dayMilliseconds);
  const { floor, floorAt } = await findFloor(tx, cutoff);
  const before = await readMinimumIndex(tx);
  // A run at the old floor lets go of what a longer-kept category did not keep any longer.
  if (floor === 0 || floor < before) return null;
  if (standing && floor === before && !(await isWorthAnother(tx, now))) return null;
  const runId = deps.newId();
  // A group is reused for ten minutes; a day is far beyond that and any clock.
  const groupsBefore = new Date(floorAt.getTime() - dayMilliseconds);
  await tx.query(insertPruneRun, [tx.tenantId, runId, policy.revision, floor, approvalId, now, groupsBefore]);
  const behind = await tx.query<{ count: number }>(countSinksBehind, [tx.tenantId, floor]);
  await deps.audit().append(tx, {
    definition: pruneBegun,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: engine,
    targets: [{ type: 'audit.prune_run', id: runId }],
    detail: {
      runId,
      floor,
      policyRevision: policy.revision,
      approvalId,
      standing,
      sinksBehind: behind.rows[0]?.count ?? 0,
    },
  });
  return { runId, floor };
}

/** Once a day the longer-kept categories below the floor are looked through again. */
async function isWorthAnother(tx: Tx, now: Date): Promise<boolean> {
  const [newest] = await readRuns(tx);
  return newest === undefined || now.getTime() - newest.begunAt.getTime() >= dayMilliseconds;
}

/** The first whole tile that is too young; entries lie in the order in which they were received, give or take a moment. */
async function findFloor(tx: Tx, cutoff: Date): Promise<{ readonly floor: number; readonly floorAt: Date }> {
  const size = (await tx.query<{ size: number }>(selectLogSize)).rows[0]?.size ?? 0;
  const first = async (from: number): Promise<Date | null> =>
    (await tx.query<{ receivedAt: Date }>(selectFirstFrom, [tx.tenantId, from])).rows[0]?.receivedAt ?? null;
  let [low, high] = [0, Math.floor(size / tileWidth)];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const at = await first(middle * tileWidth - 1);
    if (at !== null && at < cutoff) low = middle;
    else high = middle - 1;
  }
  return { floor: low * tileWidth, floorAt: (await first(low * tileWidth)) ?? cutoff };
}

type Taken = {
  readonly runId: string;
  readonly nextSeq: number;
  readonly floor: number;
  readonly policyRevision: number;
};

/** Entries, their notes, the event and the progress: all of a batch or nothing of it. @returns 1 when something was done */
async function pruneSome(tx: Tx, deps: PruneDeps): Promise<number> {
  const [run] = (await tx.query<Taken>(takePruneRun, [tx.tenantId])).rows;
  if (run === undefined) return 0;
  const { runId, nextSeq, floor } = run;
  // A newer policy took this one's place: its own runs go on from here.
  if ((await readRetention(tx))?.revision !== run.policyRevision)
    return move(tx, deps, run, { next: nextSeq, end: true });
  const limit = deps.pruneBatchEntries ?? defaultBatchEntries;
  const ends = await tx.query<{ first: number | null; last: number | null }>(selectBatchEnds, [
    tx.tenantId,
    nextSeq,
    floor,
    limit,
  ]);
  const { first, last } = exactlyOne(ends, 'batch');
  if (first === null || last === null) {
    const count = exactlyOne(
      await tx.query<{ count: number }>(pruneUnreferenced, [runId, groupsAtOnce]),
      'count',
    ).count;
    return move(tx, deps, run, { next: floor, end: count < groupsAtOnce });
  }
  const from = Math.floor(first / tileWidth) * tileWidth;
  const to = Math.min(floor, (Math.floor(last / tileWidth) + 1) * tileWidth);
  // Tiles without any entry left are stepped over, so a batch may span many of them.
  return pruneRange(tx, deps, run, { from, to: Math.min(to, from + maxSpan) });
}

const maxSpan = 1_048_576;

async function pruneRange(
  tx: Tx,
  deps: PruneDeps,
  run: Taken,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<number> {
  const { runId } = run;
  type Batch = { readonly removed: number; readonly kept: number; readonly digest: Buffer | null };
  const { removed, kept, digest } = exactlyOne(await tx.query<Batch>(pruneBatch, [runId, from, to]), 'batch');
  if (digest !== null) {
    await tx.query(deletePrunedTerms, [tx.tenantId, from, to]);
    await deps.audit().append(tx, {
      definition: entriesPruned,
      tenantId: tx.tenantId,
      outcome: 'success',
      actor: engine,
      targets: [{ type: 'audit.prune_run', id: runId }],
      detail: { runId, from, to, removed, kept, digest: digest.toString('hex') },
    });
  }
  return move(tx, deps, run, { next: to, removed, kept, end: false });
}

async function move(
  tx: Tx,
  deps: PruneDeps,
  { runId }: Taken,
  step: { readonly next: number; readonly removed?: number; readonly kept?: number; readonly end: boolean },
): Promise<number> {
  const finishedAt = step.end ? deps.clock.now() : null;
  await tx.query(movePruneRun, [
    tx.tenantId,
    runId,
    step.next,
    step.removed ?? 0,
    step.kept ?? 0,
    finishedAt,
  ]);
  return 1;
}
