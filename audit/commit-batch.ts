import { sqlState, type Pipeline, type PipelineStep } from '../db/index.ts';
import type { SealedBatch } from './batch.ts';
import { copyEntries, copySubjects } from './copy-statements.ts';
import { auditError } from './errors.ts';
import { headMovedState, moveHeads, moveOneHead, takePending } from './store-sequencer.ts';

/**
 * Writes a batch in one transaction and one round trip: heads with their signed checkpoints, tiles, entries, subjects,
 * and what leaves the waiting table. Either all of it is durable afterwards or none. Everything is sent before this
 * function returns its promise.
 *
 * @throws ERR_AUDIT_HEAD_MOVED when another writer was faster
 */
export function commitBatch(pipeline: Pipeline, batch: SealedBatch, now: Date): Promise<void> {
  const steps: PipelineStep[] = [
    moveHeadsStep(batch, now), // first: its row locks make a slower writer wait here, before it copies anything
    { kind: 'copy', statement: copyEntries, rows: batch.entryRows },
  ];
  if (batch.subjectRows !== null)
    steps.push({ kind: 'copy', statement: copySubjects, rows: batch.subjectRows });
  const taken = batch.entries.filter(({ pending }) => pending);
  if (taken.length > 0) {
    const values = [taken.map(({ tenantId }) => tenantId), taken.map(({ leaf }) => leaf.id)];
    steps.push({ kind: 'statement', statement: takePending, values });
  }
  return pipeline.run(steps).catch((error: unknown) => {
    throw sqlState(error) === headMovedState ? headMoved(error) : error;
  });
}

function moveHeadsStep({ heads, tiles }: SealedBatch, now: Date): PipelineStep {
  const [head] = heads;
  if (head !== undefined && heads.length === 1 && tiles.length === 0) {
    const { tenantId, oldSize, epoch, size, root, frontier, checkpoint } = head;
    const values = [tenantId, oldSize, epoch, size, root, frontier, checkpoint, now];
    return { kind: 'statement', statement: moveOneHead, values };
  }
  const values = [
    heads.map(({ tenantId }) => tenantId),
    heads.map(({ oldSize }) => oldSize),
    heads.map(({ epoch }) => epoch),
    heads.map(({ size }) => size),
    heads.map(({ root }) => root),
    heads.map(({ frontier }) => frontier),
    heads.map(({ checkpoint }) => checkpoint),
    now,
    tiles.map(({ tenantId }) => tenantId),
    tiles.map(({ level }) => level),
    tiles.map(({ index }) => index),
    tiles.map(({ hashes }) => hashes),
    tiles.map(({ root }) => root),
  ];
  return { kind: 'statement', statement: moveHeads, values };
}

function headMoved(cause: unknown): Error {
  return auditError(
    'ERR_AUDIT_HEAD_MOVED',
    'another writer moved the head of the log; the batch is built again',
    { cause },
  );
}
