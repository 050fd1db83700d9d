import { parseSubjectId, type CallContext } from '../kernel/index.ts';
import type { HeldSubject } from '../audit/index.ts';
import type { Tx } from '../db/index.ts';
import { holdText } from './legal-hold.ts';
import { dsrError } from './errors.ts';
import { executionRefused } from './events.ts';
import { parsePlan, type Drift, type PlanDocument } from './plan-document.ts';
import { readPlan, recount } from './planning.ts';
import { engineActor, type Actor } from './ports.ts';
import type { RequestRow } from './request-row.ts';
import { sealSearch } from './sealed-identity.ts';
import { beginTasks, resetTasks, updateBegin } from './store-work.ts';
import type { Turn } from './turn.ts';

/** Who begins it. */
export type BeginBy = { readonly actor: Actor; readonly call?: CallContext };
/** The request as it is now and its plan, or why it was sent back to planning. */
export type Begun =
  | { readonly kind: 'begun'; readonly row: RequestRow; readonly plan: PlanDocument }
  | { readonly kind: 'refused'; readonly error: Error };

/**
 * From approved (or, for access, planned) to executing. An erasure is counted again first; what moved too far sends it
 * back to planning.
 */
export async function beginExecution(turn: Turn, tx: Tx, row: RequestRow, by?: BeginBy): Promise<Begun> {
  const { deps } = turn;
  const why =
    by?.call === undefined ? { actor: by?.actor ?? engineActor } : { actor: by.actor, call: by.call };
  const plan = parsePlan((await readPlan(tx, row)).document);
  const again = row.state === 'partially_completed';
  const subjects = plan.identity.subjects.map(parseSubjectId);
  const [held] = row.type === 'erasure' ? await deps.audit.holds.held(tx, subjects) : [];
  if (held !== undefined)
    return { kind: 'refused', error: await keepForHold(turn, tx, row, { plan, held, why }) };
  const { drift, terms } = again ? { drift: [], terms: null } : await recount(turn, tx, row, plan);
  if (drift.length > 0 && row.type === 'erasure')
    return { kind: 'refused', error: await sendBack(turn, tx, row, { plan, drift, why }) };
  const search =
    terms === null || row.search_sealed !== null ? null : await sealSearch(deps.crypto, tx, row.id, terms);
  await tx.query(updateBegin, [row.id, search]);
  if (again) await tx.query(resetTasks, [row.id, row.plan_hash]);
  const systems = [...new Set(plan.steps.map((step) => step.system))];
  const action = row.type === 'erasure' ? 'erase' : 'export';
  await tx.query(beginTasks, [row.id, systems, action, row.plan_hash, turn.fence, deps.clock.now()]);
  const fresh = {
    ...row,
    search_sealed: row.search_sealed ?? search,
    attempts: 0,
    next_attempt_at: null,
  };
  return {
    kind: 'begun',
    plan,
    row: await turn.move(tx, fresh, 'executing', { ...why, note: 'execution begins' }),
  };
}

/** A hold that stands, or was placed since the plan: nothing is erased. The request can be refused, or planned anew later. */
async function keepForHold(
  turn: Turn,
  tx: Tx,
  row: RequestRow,
  { plan, held, why }: { readonly plan: PlanDocument; readonly held: HeldSubject; readonly why: BeginBy },
): Promise<Error> {
  const note = holdText(held);
  if (row.state === 'approved') await turn.move(tx, row, 'verified', { ...why, note });
  await refuseExecution(turn, tx, row, { plan, why, reason: 'legal_hold', drift: [] });
  return dsrError('ERR_DSR_LEGAL_HOLD', `${note}; plan again when it is released, or refuse the request`, {
    details: { holdId: held.holdId },
  });
}

async function sendBack(
  turn: Turn,
  tx: Tx,
  row: RequestRow,
  {
    plan,
    drift,
    why,
  }: { readonly plan: PlanDocument; readonly drift: readonly Drift[]; readonly why: BeginBy },
): Promise<Error> {
  const note = `the data moved away from the approved plan: ${drift.map((one) => `${one.collection} ${one.planned} -> ${one.found}`).join(', ')}`;
  await turn.move(tx, row, 'verified', { ...why, note });
  await refuseExecution(turn, tx, row, { plan, why, reason: 'drift', drift });
  return dsrError('ERR_DSR_PLAN_DRIFTED', `${note}; plan and approve again`, { details: { drift } });
}

type Refused = {
  readonly plan: PlanDocument;
  readonly why: BeginBy;
  readonly reason: string;
  readonly drift: readonly Drift[];
};

async function refuseExecution(
  turn: Turn,
  tx: Tx,
  row: RequestRow,
  { plan, why, reason, drift }: Refused,
): Promise<void> {
  await turn.deps.audit.append(tx, {
    definition: executionRefused,
    tenantId: tx.tenantId,
    outcome: 'denied',
    reason,
    ...why,
    targets: [{ type: 'dsr.request', id: row.id }],
    subjects: plan.identity.subjects.map(parseSubjectId),
    detail: { requestId: row.id, planHash: row.plan_hash ?? '', drifted: [...drift] },
  });
}
