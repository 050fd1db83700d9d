import type { Pipeline } from '../db/index.ts';
import type { Batch, SealedBatch } from './batch.ts';
import { commitBatch } from './commit-batch.ts';
import { hashBytes } from './hash.ts';
import { recoverBatch } from './recover-batch.ts';
import { isDataError, isHeadMoved } from './sequencer-errors.ts';
import { takeOpen, type FlowParts } from './sequencer-flow.ts';

type Acknowledge = () => void;

/**
 * Writes the open batch, and then what arrived meanwhile, as long as nothing else is to be done. The next commit is on
 * its way before the callers of the last one are told: their work, and their next events, overlap with it.
 */
export async function writeBatches(parts: FlowParts): Promise<void> {
  const { flow, database } = parts;
  let pipeline: Pipeline;
  try {
    pipeline = await database.sequencerPipeline();
  } catch (error) {
    return parts.pause(error);
  }
  let broken: Error | undefined;
  let acknowledge: Acknowledge | null = null;
  do {
    const batch = takeOpen(flow);
    flow.inFlight = batch.count();
    const started = start(parts, pipeline, batch);
    acknowledge?.();
    acknowledge = null;
    try {
      await started.commit;
      flow.inFlight = 0;
      acknowledge = settle(parts, started.sealed);
    } catch (error) {
      if (!isHeadMoved(error) && !isDataError(error)) broken = asError(error);
      pipeline.release(broken);
      const committed = await recoverBatch(parts, batch, started.sealed, error);
      if (committed && started.sealed !== null) settle(parts, started.sealed)();
      return;
    }
  } while (flow.open.count() > 0 && !flow.drain && flow.backlog.length === 0);
  pipeline.release();
  acknowledge?.();
}

type Started = { readonly sealed: SealedBatch | null; readonly commit: Promise<void> };

/** Signs and sends at once, without giving way to anything in between. */
function start({ clock, guard }: FlowParts, pipeline: Pipeline, batch: Batch): Started {
  try {
    guard.require();
    const sealed = batch.seal();
    return { sealed, commit: commitBatch(pipeline, sealed, clock.now()) };
  } catch (error) {
    return { sealed: null, commit: Promise.reject(error) };
  }
}

/** Notes what is durable now. @returns what tells the callers */
function settle({ flow, clock }: FlowParts, sealed: SealedBatch | null): Acknowledge {
  const { heads, entries } = sealed ?? { heads: [], entries: [] };
  for (const { tenantId, size, root } of heads)
    flow.released.set(tenantId, { size, root: Buffer.alloc(hashBytes, root) }); // a copy: it stays for long
  flow.lastCommitAt = clock.now();
  flow.trouble = null;
  flow.failures = 0;
  if (flow.single > 0) flow.single -= entries.length;
  return () => {
    for (const { waiters } of entries) for (const waiter of waiters) waiter.resolve();
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
