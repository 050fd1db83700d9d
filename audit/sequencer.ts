import type { Clock, Logger } from '../kernel/index.ts';
import type { Database } from '../db/index.ts';
import { absorbBacklog, drainPending } from './absorb-backlog.ts';
import type { Queued } from './batch.ts';
import { auditError } from './errors.ts';
import type { LogDirectory } from './log-directory.ts';
import { createPendingReader } from './pending-reader.ts';
import { createPause } from './retry-pause.ts';
import { countWaiting, createFlow, type Flow, type FlowParts } from './sequencer-flow.ts';
import { writeBatches } from './write-batches.ts';
import type { WriteGuard } from './write-guard.ts';

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
  readonly guard: WriteGuard;
  /** Entries that may wait before callers are refused; default 8,192. */
  readonly maxQueued?: number;
};

const defaultMaxQueued = 8_192;
/** How long `stop` goes on trying when the database is away. */
const stopMilliseconds = 10_000;

/**
 * The batch is whatever arrived while the last commit ran: its entries are hashed and encoded as they come, so that
 * sealing it costs one signature per log. After a failed or unknown commit the heads are read again before anything is
 * tried again, and the head's row lock makes a late commit of the lost connection visible first.
 */
export function createSequencer({ maxQueued = defaultMaxQueued, ...deps }: SequencerDeps): Sequencer {
  const flow = createFlow();
  const pendingReader = createPendingReader(deps.database);
  const parts = { ...deps, flow, pendingReader, pause: createPause(flow, deps.logger) };
  let running: Promise<void> | null = null;
  const kick = (): void => {
    running ??= run(parts).finally(() => {
      running = null;
      if (hasWork(flow)) kick();
    });
  };
  const idle = async (): Promise<void> => {
    while (running !== null) await running;
  };
  return Object.freeze({
    submit: (queued: Queued) => {
      deps.guard.require();
      requireRoom(flow, maxQueued, 1);
      const state = flow.states.get(queued.tenantId);
      if (state === undefined || queued.idempotencyKey !== null || flow.single > 0) flow.backlog.push(queued);
      else flow.open.add(state, queued);
      kick();
    },
    requireRoom: (count: number) => requireRoom(flow, maxQueued, count),
    wake: () => {
      flow.drain = true;
      if (!flow.stopped) kick();
    },
    idle,
    stop: () => stop(flow, idle),
    health: () => ({
      ok: flow.trouble === null && !flow.stopped && deps.guard.halted() === null,
      detail: flow.stopped ? 'stopped' : (deps.guard.halted() ?? flow.trouble ?? 'writing'),
      queued: countWaiting(flow),
      lastCommitAt: flow.lastCommitAt,
    }),
  });
}

async function run(parts: FlowParts): Promise<void> {
  const { flow } = parts;
  await Promise.resolve(); // lets everything of this turn join the first batch
  while (hasWork(flow)) {
    if (flow.drain) await drainPending(parts);
    if (flow.backlog.length > 0) await absorbBacklog(parts);
    if (flow.open.count() > 0) await writeBatches(parts);
  }
}

function hasWork(flow: Flow): boolean {
  return !flow.abandoned && (countWaiting(flow) > 0 || (flow.drain && !flow.stopped));
}

function requireRoom(flow: Flow, maxQueued: number, count: number): void {
  if (flow.stopped)
    throw auditError('ERR_AUDIT_STOPPED', 'the log is shutting down; nothing was recorded, try again');
  if (countWaiting(flow) + count > maxQueued) {
    throw auditError(
      'ERR_OVERLOADED',
      `more than ${maxQueued} events wait for the log; nothing was recorded, try again in a moment`,
    );
  }
}

async function stop(flow: Flow, idle: () => Promise<void>): Promise<void> {
  flow.stopped = true;
  const deadline = setTimeout(() => (flow.abandoned = true), stopMilliseconds).unref();
  await idle();
  clearTimeout(deadline);
  const unknown = auditError('ERR_AUDIT_STOPPED', 'the process ended while the log could not be written');
  for (const { waiters } of [...flow.open.entries(), ...flow.backlog])
    for (const waiter of waiters) waiter.reject(unknown);
}
