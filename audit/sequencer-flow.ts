import type { Clock, Logger, TenantId } from '../kernel/index.ts';
import type { Database } from '../db/index.ts';
import { createBatch, type Batch, type Queued } from './batch.ts';
import type { LogDirectory } from './log-directory.ts';
import type { LogState, Released } from './log-state.ts';
import type { PendingReader } from './pending-reader.ts';
import type { WriteGuard } from './write-guard.ts';

/** Where entries stand on their way through the writer. */
export type Flow = {
  /** Hashed and encoded already, waiting for the running commit to end. */
  open: Batch;
  /** Not yet in a batch: their log is not loaded, or an idempotency key must be looked up. */
  readonly backlog: Queued[];
  inFlight: number;
  /** audit.pending may hold something. */
  drain: boolean;
  failures: number;
  /** How many entries are tried one at a time, because the database refused a row among them. */
  single: number;
  stopped: boolean;
  abandoned: boolean;
  trouble: string | null;
  lastCommitAt: Date | null;
  readonly states: Map<TenantId, LogState>;
  readonly released: Map<TenantId, Released>;
};

/** What the steps of the writer share. */
export type FlowParts = {
  readonly database: Database;
  readonly directory: LogDirectory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly guard: WriteGuard;
  readonly flow: Flow;
  readonly pendingReader: PendingReader;
  /** Notes a failure and waits a growing, random while. */
  readonly pause: (error: unknown) => Promise<void>;
};

/** Nothing on its way. */
export function createFlow(): Flow {
  return {
    open: createBatch(),
    backlog: [],
    inFlight: 0,
    drain: false,
    failures: 0,
    single: 0,
    stopped: false,
    abandoned: false,
    trouble: null,
    lastCommitAt: null,
    states: new Map(),
    released: new Map(),
  };
}

/** Entries that were accepted and are not acknowledged. */
export function countWaiting({ open, backlog, inFlight }: Flow): number {
  return open.count() + backlog.length + inFlight;
}

const bytesPerEntry = 1_100;
const smallestBytes = 64 * 1024;

/** Takes the open batch out and puts an empty one in its place, made for as many entries. */
export function takeOpen(flow: Flow): Batch {
  const batch = flow.open;
  flow.open = createBatch(Math.max(smallestBytes, batch.count() * bytesPerEntry));
  return batch;
}
