import type { CallContext, TenantId } from '../kernel/index.ts';
import { isGatehouseError } from '../kernel/index.ts';
import { beginExecution } from './begin-execution.ts';
import type { Connector } from './connectors/connector.ts';
import { dsrError } from './errors.ts';
import { executeAccess } from './execute-access.ts';
import { executeErasure, recordFailure } from './execute-erasure.ts';
import { issueCertificate } from './issue-certificate.ts';
import type { Actor, DsrDeps } from './ports.ts';
import type { RequestRow } from './request-row.ts';
import { takeTurn, type Turn } from './turn.ts';
import { deferredScan, verifyAbsence } from './verify-absence.ts';

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
  const done = await takeTurn(ports, at, async (turn) => {
    if (begin !== undefined) requireExecutable(turn.current());
    let begun = false;
    for (let step = 0; step < maxSteps; step += 1) {
      const before = turn.current().state;
      if (!(await advance(turn, begin, begun))) break;
      begun =
        turn.current().state === 'executing' && before !== 'verifying_absence' && before !== 'completed';
    }
    return true;
  });
  return done ?? false;
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
    const refused = await beginExecution(turn, begin);
    if (refused !== null && begin !== undefined) throw refused;
    return refused === null;
  }
  switch (row.state) {
    case 'executing':
      return row.type === 'erasure' ? executeErasure(turn, begun) : executeAccess(turn, begun);
    case 'verifying_absence':
      return guarded(turn, () => verifyAbsence(turn));
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
