import { setTimeout as sleep } from 'node:timers/promises';
import { isGatehouseError, type Clock, type Logger, type TenantId } from '../kernel/index.ts';
import { sqlState, type Database } from '../db/index.ts';
import { createBatch, type Batch, type Queued, type SealedBatch } from './batch.ts';
import { commitBatch } from './commit-batch.ts';
import { auditError } from './errors.ts';
import type { LogDirectory } from './log-directory.ts';
import { loadLogState, type LogState, type Released } from './log-state.ts';
import { createPendingReader } from './pending-reader.ts';
import { selectEntryId, selectKnownKeys } from './store-sequencer.ts';

/** The one writer of a process: group commit without a timer. */
export type Sequencer = {
  /** Queues a leaf; it is durable and in a signed checkpoint when its waiter resolves. @throws ERR_OVERLOADED */
  readonly submit: (queued: Queued) => void;
  /** Refuses when the queue is full. @throws ERR_OVERLOADED */
  readonly requireRoom: (count: number) => void;
  /** Says that audit.pending may hold something. */
  readonly wake: () => void;
  /** Resolves when nothing is queued and nothing is being written. */
  readonly idle: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly health: () => SequencerHealth;
};

/** How the writer is doing. */
export type SequencerHealth = {
  readonly ok: boolean;
  readonly detail: string;
  readonly queued: number;
  readonly lastCommitAt: Date | null;
};

/** What it is made of. */
export type SequencerDeps = {
  readonly database: Database;
  readonly directory: LogDirectory;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Entries that may wait before callers are refused; default 8,192. */
  readonly maxQueued?: number;
};

const defaultMaxQueued = 8_192;
const retryBaseMilliseconds = 10;
const retryCapMilliseconds = 2_000;
/** How long `stop` goes on trying when the database is away. */
const stopMilliseconds = 10_000;

/**
 * The batch is whatever arrived while the last commit ran: its entries are hashed and encoded as they come, so that
 * sealing it costs one signature per log. After a failed or unknown commit the heads are read again before anything is
 * tried again, and the head's row lock makes a late commit of the lost connection visible first.
 */
export function createSequencer(deps: SequencerDeps): Sequencer {
  const { database, directory, clock, logger } = deps;
  const maxQueued = deps.maxQueued ?? defaultMaxQueued;
  const states = new Map<TenantId, LogState>();
  const released = new Map<TenantId, Released>();
  const pendingReader = createPendingReader(database, clock);
  const flow = {
    open: createBatch(),
    backlog: [] as Queued[],
    inFlight: 0,
    drain: false,
    failures: 0,
    single: 0,
    stopped: false,
    abandoned: false,
  };
  let running: Promise<void> | null = null;
  let lastCommitAt: Date | null = null;
  let trouble: string | null = null;

  const waiting = (): number => flow.open.count() + flow.backlog.length + flow.inFlight;
  const requireRoom = (count: number): void => {
    if (flow.stopped)
      throw auditError('ERR_AUDIT_STOPPED', 'the log is shutting down; nothing was recorded, try again');
    if (waiting() + count > maxQueued) {
      throw auditError(
        'ERR_OVERLOADED',
        `more than ${maxQueued} events wait for the log; nothing was recorded, try again in a moment`,
      );
    }
  };
  const kick = (): void => {
    running ??= run().finally(() => {
      running = null;
      if (hasWork()) kick();
    });
  };
  const hasWork = (): boolean => !flow.abandoned && (waiting() > 0 || (flow.drain && !flow.stopped));
  const submit = (queued: Queued): void => {
    requireRoom(1);
    const state = states.get(queued.tenantId);
    if (state === undefined || queued.idempotencyKey !== null || flow.single > 0) flow.backlog.push(queued);
    else flow.open.add(state, queued);
    kick();
  };

  const run = async (): Promise<void> => {
    await Promise.resolve(); // lets everything of this turn join the first batch
    while (hasWork()) {
      if (flow.drain) await drain();
      if (flow.backlog.length > 0) await absorb();
      if (flow.open.count() === 0) continue;
      const batch = flow.open;
      flow.open = createBatch();
      await write(batch);
    }
  };

  const drain = async (): Promise<void> => {
    flow.drain = false;
    try {
      const { rows, more } = await pendingReader.read(flow.single > 0 ? 1 : undefined);
      const waitingIds = new Set(flow.backlog.filter(({ pending }) => pending).map(({ leaf }) => leaf.id));
      flow.backlog.push(...rows.filter(({ leaf }) => !waitingIds.has(leaf.id)));
      flow.drain ||= more;
    } catch (error) {
      flow.drain = true;
      await pause(error);
    }
  };

  /** Moves waiting entries into the open batch: loads their logs, leaves out what an idempotency key already wrote. */
  const absorb = async (): Promise<void> => {
    const taken = flow.single > 0 ? flow.backlog.splice(0, 1) : flow.backlog.splice(0);
    flow.inFlight += taken.length;
    try {
      await loadStates(new Set(taken.map(({ tenantId }) => tenantId).filter((id) => !states.has(id))), taken);
      const known = await readKnownKeys(database, taken);
      flow.inFlight -= taken.length;
      for (const queued of taken) admit(queued, known);
    } catch (error) {
      flow.inFlight -= taken.length;
      flow.backlog.unshift(...taken);
      await pause(error);
    }
  };
  const loadStates = async (tenants: ReadonlySet<TenantId>, taken: Queued[]): Promise<void> => {
    for (const tenantId of tenants) {
      try {
        states.set(tenantId, await loadLogState(database, directory, tenantId, released.get(tenantId)));
      } catch (error) {
        if (isTransient(error)) throw error;
        setAside(tenantId, taken, error);
      }
    }
  };
  /** A log that cannot be opened must not hold up the others. */
  const setAside = (tenantId: TenantId, taken: Queued[], error: unknown): void => {
    logger.error('a tenant log cannot be written; its callers are refused', { tenantId, error });
    trouble = `the log of tenant ${tenantId} cannot be written`;
    pendingReader.skipTenant(tenantId);
    for (let at = taken.length - 1; at >= 0; at -= 1) {
      if (taken[at]?.tenantId !== tenantId) continue;
      const [queued] = taken.splice(at, 1);
      flow.inFlight -= 1;
      for (const waiter of queued?.waiters ?? []) waiter.reject(error);
    }
  };
  const admit = (queued: Queued, known: ReadonlySet<string>): void => {
    const key = queued.idempotencyKey === null ? null : `${queued.tenantId} ${queued.idempotencyKey}`;
    const twin =
      key === null
        ? undefined
        : flow.open
            .entries()
            .find(
              (other) => other.tenantId === queued.tenantId && other.idempotencyKey === queued.idempotencyKey,
            );
    const state = states.get(queued.tenantId);
    if (key !== null && known.has(key)) {
      for (const waiter of queued.waiters) waiter.resolve();
      if (queued.pending) pendingReader.forget(queued);
    } else if (twin !== undefined) {
      twin.waiters.push(...queued.waiters);
      if (queued.pending) flow.drain = true;
    } else if (state === undefined) {
      flow.backlog.push(queued);
    } else {
      flow.open.add(state, queued);
    }
  };

  const write = async (batch: Batch): Promise<void> => {
    flow.inFlight = batch.count();
    let sealed: SealedBatch | null = null;
    try {
      sealed = batch.seal();
      const commit = commitBatch(database, sealed, clock.now());
      await commit;
      flow.inFlight = 0;
      acknowledge(sealed);
    } catch (error) {
      await recover(batch, sealed, error);
    }
  };
  const acknowledge = ({ heads, entries }: SealedBatch): void => {
    for (const { tenantId, size, root } of heads) released.set(tenantId, { size, root });
    lastCommitAt = clock.now();
    trouble = null;
    flow.failures = 0;
    if (flow.single > 0) flow.single -= entries.length;
    for (const { waiters } of entries) for (const waiter of waiters) waiter.resolve();
  };

  const recover = async (batch: Batch, sealed: SealedBatch | null, error: unknown): Promise<void> => {
    const committed = sealed !== null && (await outcome(sealed, error));
    flow.inFlight = 0;
    if (committed) return acknowledge(sealed);
    const again = [...batch.entries(), ...flow.open.entries()];
    flow.open = createBatch();
    states.clear();
    if (isDataError(error) && batch.count() === 1) dropPoisoned(again.shift(), error);
    else if (isDataError(error)) flow.single = again.length;
    flow.backlog.unshift(...again.filter(({ pending }) => !pending));
    flow.drain ||= again.some(({ pending }) => pending);
    if (!isHeadMoved(error)) await pause(error);
    else await sleep(Math.random() * retryBaseMilliseconds);
  };
  /** Asks until the database answers whether the batch was committed after all. */
  const outcome = async (sealed: SealedBatch, error: unknown): Promise<boolean> => {
    if (isHeadMoved(error)) logger.debug('another writer was faster', {});
    const [first] = sealed.entries;
    const head = sealed.heads.find(({ tenantId }) => tenantId === first?.tenantId);
    for (;;) {
      try {
        const { rows } = await database.withSequencer((tx) =>
          tx.query<{ id: string }>(selectEntryId, [head?.tenantId, head?.oldSize]),
        );
        return rows[0]?.id === first?.leaf.id;
      } catch (unreachable) {
        if (flow.abandoned) return false;
        await pause(unreachable);
      }
    }
  };
  const dropPoisoned = (queued: Queued | undefined, error: unknown): void => {
    if (queued === undefined) return;
    flow.single = Math.max(0, flow.single - 1);
    logger.error('an event cannot be stored and is set aside', {
      tenantId: queued.tenantId,
      id: queued.leaf.id,
      error,
    });
    if (queued.pending) pendingReader.skip(queued);
    for (const waiter of queued.waiters) waiter.reject(error);
  };
  const pause = async (error: unknown): Promise<void> => {
    flow.failures += 1;
    trouble = 'the log cannot be written at the moment';
    logger.warn('writing the log failed; trying again', { error, failures: flow.failures });
    const cap = Math.min(retryCapMilliseconds, retryBaseMilliseconds * 2 ** Math.min(flow.failures, 10));
    await sleep(cap / 2 + Math.random() * (cap / 2));
  };

  const idle = async (): Promise<void> => {
    while (running !== null) await running;
  };
  return Object.freeze({
    submit,
    requireRoom,
    wake: () => {
      flow.drain = true;
      if (!flow.stopped) kick();
    },
    idle,
    stop: async () => {
      flow.stopped = true;
      const deadline = setTimeout(() => (flow.abandoned = true), stopMilliseconds).unref();
      await idle();
      clearTimeout(deadline);
      const unknown = auditError('ERR_AUDIT_STOPPED', 'the process ended while the log could not be written');
      for (const { waiters } of flow.backlog) for (const waiter of waiters) waiter.reject(unknown);
    },
    health: () => ({
      ok: trouble === null && !flow.stopped,
      detail: flow.stopped ? 'stopped' : (trouble ?? 'writing'),
      queued: waiting(),
      lastCommitAt,
    }),
  });
}

async function readKnownKeys(database: Database, queued: readonly Queued[]): Promise<ReadonlySet<string>> {
  const keyed = queued.filter(({ idempotencyKey }) => idempotencyKey !== null);
  if (keyed.length === 0) return new Set();
  const values = [keyed.map(({ tenantId }) => tenantId), keyed.map(({ idempotencyKey }) => idempotencyKey)];
  const { rows } = await database.withSequencer((tx) =>
    tx.query<{ tenantId: string; idempotencyKey: string }>(selectKnownKeys, values),
  );
  return new Set(rows.map(({ tenantId, idempotencyKey }) => `${tenantId} ${idempotencyKey}`));
}

function isHeadMoved(error: unknown): boolean {
  return isGatehouseError(error) && error.code === 'ERR_AUDIT_HEAD_MOVED';
}

/** The database refuses this very row, and would refuse it for ever (SQLSTATE classes 22 and 23, keys aside). */
function isDataError(error: unknown): boolean {
  const state = sqlState(error);
  if (state === '23505') return (error as { constraint?: unknown }).constraint !== 'entry_idempotency'; // PostgreSQL names it
  return state !== null && /^2[23]/.test(state);
}

/** Trouble of the database, not of one log. */
function isTransient(error: unknown): boolean {
  if (isGatehouseError(error)) return error.code === 'ERR_DB_UNREACHABLE';
  const state = sqlState(error);
  return state === null || /^(08|40|53|57)/.test(state);
}
