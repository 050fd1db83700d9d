import { createTreeWriter, leafHash } from '../audit/index.ts';
import { parseSubjectId } from '../kernel/index.ts';
import type { Tx } from '../db/index.ts';
import { canonicalJson, sha256Hex } from './canonical-json.ts';
import { dsrError } from './errors.ts';
import { systemErased } from './events.ts';
import type { PlanDocument } from './plan-document.ts';
import { engineActor } from './ports.ts';
import type { RequestRow } from './request-row.ts';
import { finishTasks, selectTasks } from './store-work.ts';
import type { Turn } from './turn.ts';

/** What was done in every system of a plan. */
export type Done = {
  readonly plan: PlanDocument;
  readonly action: 'erase' | 'export';
  /** Rows per collection. */
  readonly counts: Readonly<Record<string, number>>;
};

/** Ends the tasks with their receipts; an erasure is told to the log system by system. @throws ERR_DSR_LEASE_LOST */
export async function writeReceipts(turn: Turn, tx: Tx, row: RequestRow, done: Done): Promise<void> {
  const { deps } = turn;
  const now = deps.clock.now();
  const planHash = row.plan_hash ?? '';
  const systems = [...new Set(done.plan.steps.map((step) => step.system))].toSorted();
  const receipts = systems.map((system) => {
    const rows = Object.fromEntries(
      done.plan.steps
        .filter((step) => step.system === system)
        .map((step) => [step.collection, done.counts[step.collection] ?? 0]),
    );
    const receipt = canonicalJson({
      format: 'gatehouse-dsr-receipt/1',
      requestId: row.id,
      system,
      action: done.action,
      planHash,
      rows,
      at: now.toISOString(),
    });
    return { system, rows, receipt };
  });
  const { rowCount } = await tx.query(finishTasks, [
    row.id,
    systems,
    planHash,
    turn.fence,
    receipts.map(({ rows }) => JSON.stringify(rows)),
    receipts.map(({ receipt }) => receipt),
    now,
  ]);
  if (rowCount !== systems.length)
    throw dsrError('ERR_DSR_LEASE_LOST', 'the tasks of this request are not ours any more');
  if (done.action === 'export') return;
  for (const { system, rows, receipt } of receipts)
    await deps.audit.append(tx, {
      definition: systemErased,
      tenantId: tx.tenantId,
      outcome: 'success',
      actor: engineActor,
      targets: [
        { type: 'dsr.request', id: row.id },
        { type: 'datamap.service', id: system },
      ],
      subjects: done.plan.identity.subjects.map(parseSubjectId),
      detail: { requestId: row.id, system, planHash, rows, receiptHash: sha256Hex(receipt) },
    });
}

/** RFC 6962 root over the receipts, ordered by system. */
export async function receiptsRoot(tx: Tx, row: RequestRow): Promise<string> {
  const { rows } = await tx.query<{ plan_hash: string; receipt: string | null }>(selectTasks, [row.id]);
  const tree = createTreeWriter();
  for (const task of rows)
    if (task.plan_hash === row.plan_hash && task.receipt !== null)
      tree.append(leafHash(Buffer.from(task.receipt)), () => undefined);
  return tree.root().toString('hex');
}
