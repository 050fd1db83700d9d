import { finished } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { exactlyOne, type Database, type SequencerTx } from '../db/index.ts';
import type { SealedBatch } from './batch.ts';
import { auditError } from './errors.ts';
import { copyEntries, copySubjects, deletePending, moveHeads } from './store-sequencer.ts';

/**
 * Writes a batch in one transaction: entries, subjects, tiles, heads with their signed checkpoints, and what leaves the
 * waiting table. Either all of it is durable afterwards or none.
 *
 * @throws ERR_AUDIT_HEAD_MOVED when another writer was faster
 */
export async function commitBatch(database: Database, batch: SealedBatch, now: Date): Promise<void> {
  await database.withSequencer(async (tx) => {
    await moveOrRefuse(tx, batch, now); // first: its row locks make a slower writer wait here, before it copies anything
    await copy(tx, copyEntries, batch.entryRows);
    if (batch.subjectRows !== null) await copy(tx, copySubjects, batch.subjectRows);
    await takeFromPending(tx, batch);
  });
}

async function copy(tx: SequencerTx, text: string, rows: Buffer): Promise<void> {
  const stream = tx.client.query(copyFrom(text));
  stream.end(rows);
  await finished(stream);
}

async function takeFromPending(tx: SequencerTx, { entries }: SealedBatch): Promise<void> {
  const taken = entries.filter(({ pending }) => pending);
  if (taken.length === 0) return;
  const { rowCount } = await tx.query(deletePending, [
    taken.map(({ tenantId }) => tenantId),
    taken.map(({ leaf }) => leaf.id),
  ]);
  if (rowCount !== taken.length) throw headMoved(); // another writer took some of them
}

async function moveOrRefuse(tx: SequencerTx, { heads, tiles }: SealedBatch, now: Date): Promise<void> {
  const result = await tx.query<{ moved: number }>(moveHeads, [
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
  ]);
  if (exactlyOne(result, 'count of heads').moved !== heads.length) throw headMoved();
}

function headMoved(): Error {
  return auditError(
    'ERR_AUDIT_HEAD_MOVED',
    'another writer moved the head of the log; the batch is built again',
  );
}
