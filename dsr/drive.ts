import type { CallContext, TenantId } from '../kernel/index.ts';
import { isGatehouseError } from '../kernel/index.ts';
import type { Tx } from '../db/index.ts';
import { beginExecution } from './begin-execution.ts';
import type { Connector } from './connectors/connector.ts';
import { deferredScan } from './deferred-scan.ts';
import { dsrError } from './errors.ts';
import { executeAccess } from './execute-access.ts';
import { eraseAndReceipt, executeErasure, recordFailure } from './execute-erasure.ts';
import { issueCertificate } from './issue-certificate.ts';
import { parsePlan } from './plan-document.ts';
import { readPlan } from './planning.ts';
import type { Actor, DsrDeps } from './ports.ts';
import type { RequestRow } from './request-row.ts';
import { settleDeferred } from './store-work.ts';
import { takeTurn, type Turn } from './turn.ts';
import { verifyAbsence } from './verify-absence.ts';

/** More steps than this in one turn mean that something goes in circles. */
const maxSteps = 12;

/** How a request is begun by a person; the worker goes on without. */
export type Begin = { readonly actor: Actor; readonly call: CallContext };

/**
 * Carries one request as far as it goes. Every step is a transaction that leaves a state from which the next worker can
 * go on, so a process may die anywhere.
 *
 * @returns false when another worker holds the request
 * @throws ERR_DSR_PLAN_DRIFTED when a person began it and the data had moved
 */
export async function drive(
  ports: { readonly deps: DsrDeps; readonly connector: Connector },
  at: { readonly tenantId: TenantId; readonly requestId: string },
  begin?: Begin,
): Promise<boolean> {
  let refused: Error | null = null;
  const work = async (turn: Turn): Promise<boolean> => {
    if (refused !== null && begin !== undefined) throw refused;
    if (begin !== undefined) requireExecutable(turn.current());
    let begun = false;
    for (let step = 0; step < maxSteps; step += 1) {
      const before = turn.current().state;
      if (!(await advance(turn, begin, begun))) break;
      begun =
        turn.current().state === 'executing' && before !== 'verifying_absence' && before !== 'completed';
    }
    return true;
  };
  const done = await takeTurn(ports, at, work, async (turn, tx, row) => {
    refused = await carryOutAtOnce(turn, tx, row, begin);
  });
  return done ?? false;
}

/**
 * An approved erasure from its beginning to its completion in one transaction: rows, receipts, scan and keys go together
 * or not at all. The scan sees what the commit would bring.
 *
 * @returns the drift that refused it, or null
 */
async function carryOutAtOnce(
  turn: Turn,
  tx: Tx,
  row: RequestRow,
  begin: Begin | undefined,
): Promise<Error | null> {
  if (row.type !== 'erasure' || row.state !== 'approved') return null;
  const begun = await beginExecution(turn, tx, row, begin);
  if (begun.kind === 'refused') return begun.error;
  const erased = await eraseAndReceipt(turn, tx, begun.row, begun.plan);
  await tx.query(settleDeferred);
  await verifyAbsence(turn, tx, erased, begun.plan);
  return null;
}

/** Asking again while or after it runs is no mistake. */
function requireExecutable({ type, state }: RequestRow): void {
  const under = ['approved', 'executing', 'verifying_absence', 'completed', 'partially_completed'].includes(
    state,
  );
  if (under || (state === 'planned' && type === 'access')) return;
  throw dsrError(
    'ERR_DSR_TRANSITION_REFUSED',
    `the ${type} request is ${state}; it cannot be executed from there`,
  );
}

async function advance(turn: Turn, begin: Begin | undefined, begun: boolean): Promise<boolean> {
  const row = turn.current();
  const mayBegin =
    row.state === 'approved' ||
    (begin !== undefined &&
      (row.state === 'partially_completed' || (row.state === 'planned' && row.type === 'access')));
  if (mayBegin) {
    const result = await turn.step((tx, locked) => beginExecution(turn, tx, locked, begin));
    if (result.kind === 'refused' && begin !== undefined) throw result.error;
    return result.kind === 'begun';
  }
  switch (row.state) {
    case 'executing':
      return row.type === 'erasure' ? executeErasure(turn, begun) : executeAccess(turn, begun);
    case 'verifying_absence':
      return guarded(turn, () =>
        turn.step(async (tx, locked) =>
          verifyAbsence(turn, tx, locked, parsePlan((await readPlan(tx, locked)).document)),
        ),
      );
    case 'completed':
      return row.type === 'erasure' && finish(turn, row);
    default:
      return false;
  }
}

/** The deferred scan runs in the worker's next turn, so that nobody waits for it here. */
async function finish(turn: Turn, row: RequestRow): Promise<boolean> {
  const issued = await guarded(turn, () => issueCertificate(turn));
  if (issued || row.full_scan !== 'deferred') return false;
  await guarded(turn, () => deferredScan(turn));
  // A finding has reopened the request; otherwise there is nothing more to do.
  return turn.current().state !== 'completed';
}

async function guarded(turn: Turn, work: () => Promise<unknown>): Promise<boolean> {
  try {
    return (await work()) !== false;
  } catch (error) {
    if (isGatehouseError(error) && error.code === 'ERR_DSR_LEASE_LOST') throw error;
    await recordFailure(turn, error);
    return false;
  }
}
