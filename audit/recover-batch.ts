import type { Batch, Queued, SealedBatch } from './batch.ts';
import { stepAside } from './retry-pause.ts';
import { isDataError, isHeadMoved } from './sequencer-errors.ts';
import { takeOpen, type FlowParts } from './sequencer-flow.ts';
import { fenceHeads, selectEntryIds } from './store-sequencer.ts';

/**
 * After a failed or unknown commit: asks whether it happened after all; if not, puts everything back to be built again
 * on heads that are read anew.
 *
 * @returns whether the batch is in the log
 */
export async function recoverBatch(
  parts: FlowParts,
  batch: Batch,
  sealed: SealedBatch | null,
  error: unknown,
): Promise<boolean> {
  const { flow, pause } = parts;
  const committed = sealed !== null && (await wasCommitted(parts, sealed, error));
  flow.inFlight = 0;
  if (committed) return true;
  const again = [...batch.entries(), ...takeOpen(flow).entries()];
  flow.states.clear();
  if (isDataError(error) && batch.count() === 1) dropPoisoned(parts, again.shift(), error);
  else if (isDataError(error)) flow.single = again.length;
  flow.backlog.unshift(...again.filter(({ pending }) => !pending));
  flow.drain ||= again.some(({ pending }) => pending);
  await (isHeadMoved(error) ? stepAside() : pause(error));
  return false;
}

/**
 * Asks until the database answers. A commit whose connection broke may still be under way, or may not even have begun:
 * raising the epoch under the heads' locks waits for the one and stops the other, so that what is read then is final.
 */
async function wasCommitted(
  { flow, database, logger, pause }: FlowParts,
  { entries, heads }: SealedBatch,
  error: unknown,
): Promise<boolean> {
  if (isHeadMoved(error) || isDataError(error)) {
    logger.debug('the database refused a batch', { error });
    return false; // it said so itself: nothing of it is there, and nothing will be
  }
  const [head] = heads;
  const mine = entries.filter(({ tenantId }) => tenantId === head?.tenantId).map(({ leaf }) => leaf.id);
  for (;;) {
    try {
      const found = await database.withSequencer(async (tx) => {
        await tx.query(fenceHeads, [heads.map(({ tenantId }) => tenantId)]);
        const ends = [head?.tenantId, head?.oldSize, (head?.size ?? 0) - 1];
        return (await tx.query<{ id: string }>(selectEntryIds, ends)).rows.map(({ id }) => id);
      });
      return found[0] === mine[0] && found.at(-1) === mine.at(-1) && found.length > 0;
    } catch (unreachable) {
      if (flow.abandoned) return false;
      await pause(unreachable);
    }
  }
}

function dropPoisoned(
  { flow, logger, pendingReader }: FlowParts,
  queued: Queued | undefined,
  error: unknown,
): void {
  if (queued === undefined) return;
  const { tenantId, leaf, waiters } = queued;
  flow.single = Math.max(0, flow.single - 1);
  logger.error('an event cannot be stored and is set aside', { tenantId, id: leaf.id, error });
  if (queued.pending) pendingReader.skip(queued);
  for (const waiter of waiters) waiter.reject(error);
}
