import { isGatehouseError } from '../kernel/index.ts';
import { sqlState, type Tx } from '../db/index.ts';
import { executionFailed } from './events.ts';
import { enqueueMessage } from './outbox.ts';
import { parsePlan, type PlanDocument } from './plan-document.ts';
import { readPlan } from './planning.ts';
import { engineActor } from './ports.ts';
import { writeReceipts } from './receipts.ts';
import type { RequestRow } from './request-row.ts';
import { failTasks, startTasks, updateAttempts } from './store-work.ts';
import type { Turn } from './turn.ts';

const defaultMaxAttempts = 8;

/**
 * Carries the plan out: every system of one database in one transaction, together with its receipts, so that a crash
 * leaves either nothing or everything. A failure is kept with its code and tried again later.
 *
 * @param begun - whether this turn began it and has counted the attempt already
 */
export async function executeErasure(turn: Turn, begun: boolean): Promise<boolean> {
  if (!begun) {
    await turn.step((tx, row) =>
      tx.query(startTasks, [row.id, row.plan_hash, turn.fence, turn.deps.clock.now()]),
    );
  }
  try {
    await turn.step(
      async (tx, row) => eraseAndReceipt(turn, tx, row, parsePlan((await readPlan(tx, row)).document)),
      { statementTimeoutMilliseconds: 300_000 },
    );
    return true;
  } catch (error) {
    if (isGatehouseError(error) && error.code === 'ERR_DSR_LEASE_LOST') throw error;
    await recordFailure(turn, error);
    return false;
  }
}

/** Rows, receipts, events and the next state, in the caller's transaction. */
export async function eraseAndReceipt(
  turn: Turn,
  tx: Tx,
  row: RequestRow,
  plan: PlanDocument,
): Promise<RequestRow> {
  const counts = await turn.connector.erase(tx, plan.identity.subjects, plan.steps);
  await writeReceipts(turn, tx, row, { plan, action: 'erase', counts });
  if (row.attempts > 0 || row.next_attempt_at !== null) await tx.query(updateAttempts, [row.id, 0, null]);
  return turn.move(tx, { ...row, attempts: 0, next_attempt_at: null }, 'verifying_absence', {
    actor: engineActor,
    note: 'rows are gone; looking for what is left',
  });
}

/** A code that says what went wrong without repeating data. */
export function failureCode(error: unknown): string {
  if (isGatehouseError(error)) return `${error.code}: ${error.message}`.slice(0, 1_000);
  const state = sqlState(error);
  return state === null ? 'ERR_INTERNAL' : `SQLSTATE ${state}`;
}

/** Keeps why an attempt failed, and when the next one is; after the last one a person must look. */
export async function recordFailure(turn: Turn, error: unknown): Promise<void> {
  const { deps, tenant } = turn;
  const code = failureCode(error);
  deps.logger.warn('an execution attempt failed', { requestId: turn.requestId, reason: code });
  await turn.step(async (tx, row) => {
    const now = deps.clock.now();
    const attempt = row.attempts + 1;
    // Only an execution is given up; a scan or a certificate that is owed is tried until it succeeds.
    const last = row.state === 'executing' && attempt >= (deps.options?.maxAttempts ?? defaultMaxAttempts);
    const jitter = deps.randomBytes(2).readUInt16BE() / 65_536;
    const waitMilliseconds = Math.min(600_000, 1_000 * 2 ** Math.min(attempt, 12)) * (0.5 + jitter);
    await tx.query(failTasks, [row.id, row.plan_hash, turn.fence, code, now]);
    await tx.query(updateAttempts, [
      row.id,
      attempt,
      last ? null : new Date(now.getTime() + waitMilliseconds),
    ]);
    await deps.audit.append(tx, {
      definition: executionFailed,
      tenantId: tx.tenantId,
      outcome: 'failure',
      reason: code.split(':')[0] ?? code,
      actor: engineActor,
      targets: [{ type: 'dsr.request', id: row.id }],
      detail: { requestId: row.id, planHash: row.plan_hash ?? '', attempt, code: code.split(':')[0] ?? code },
    });
    if (!last) return;
    const next = await turn.move(tx, row, 'partially_completed', {
      actor: engineActor,
      note: `gave up after ${attempt} attempts: ${code}`,
    });
    await enqueueMessage(deps, tx, next, { tenant, template: 'partially_completed' });
  });
}
