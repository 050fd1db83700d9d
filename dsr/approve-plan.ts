import { parseSubjectId, type CallContext, type Principal, type TenantId } from '../kernel/index.ts';
import { sqlState, sqlStates, type Tx } from '../db/index.ts';
import { dsrError } from './errors.ts';
import { planApproved } from './events.ts';
import { parsePlan } from './plan-document.ts';
import { readPlan, type StoredPlan } from './planning.ts';
import type { DsrDeps } from './ports.ts';
import { lockedRequest, type RequestRow } from './request-row.ts';
import { insertApproval } from './store.ts';
import { transition } from './transition.ts';

/**
 * A second person approves exactly this plan, which a person made.
 *
 * @throws ERR_DSR_PLAN_CHANGED, ERR_DSR_PLAN_WITHOUT_PERSON, ERR_DSR_FOUR_EYES, ERR_DSR_TRANSITION_REFUSED
 */
export async function approvePlan(
  deps: DsrDeps,
  tenantId: TenantId,
  id: string,
  by: { readonly principal: Principal; readonly call: CallContext; readonly planHash: string },
): Promise<void> {
  const { principal, call } = by;
  await deps.warm(tenantId);
  await deps.database.withTenant(tenantId, async (tx) => {
    const row = await lockedRequest(tx, id);
    if (row.type !== 'erasure' || row.state !== 'planned') {
      throw dsrError(
        'ERR_DSR_TRANSITION_REFUSED',
        `the ${row.type} request is ${row.state}; only a planned erasure is approved`,
      );
    }
    const plan = await readPlan(tx, row);
    if (plan.hash !== by.planHash)
      throw dsrError(
        'ERR_DSR_PLAN_CHANGED',
        'the plan was made anew since you looked at it; read it again and approve that one',
      );
    requirePeople(plan, principal);
    await storeApproval(tx, row, { plan, principal, at: deps.clock.now() });
    await transition(deps, tx, row, 'approved', {
      actor: principal,
      note: `approved plan ${plan.hash.slice(0, 16)}`,
      call,
    });
    await deps.audit.append(tx, {
      definition: planApproved,
      tenantId,
      outcome: 'success',
      actor: principal,
      call,
      targets: [{ type: 'dsr.request', id: row.id }],
      subjects: parsePlan(plan.document).identity.subjects.map(parseSubjectId),
      detail: { requestId: row.id, planHash: plan.hash, plannedBy: plan.created_by },
    });
  });
}

/** A machine is nobody's second pair of eyes, and not the first one either. */
function requirePeople(plan: StoredPlan, approver: Principal): void {
  if (plan.created_by_kind !== 'user')
    throw dsrError(
      'ERR_DSR_PLAN_WITHOUT_PERSON',
      'an erasure takes a plan that a person answers for; make it anew as a person, and let another one approve it',
      { status: 403 },
    );
  if (approver.kind !== 'user') throw fourEyes();
}

function fourEyes(cause?: unknown): Error {
  return dsrError(
    'ERR_DSR_FOUR_EYES',
    'an erasure is approved by a second person with fresh step-up, not by who made the plan',
    { status: 403, ...(cause === undefined ? {} : { cause }) },
  );
}

/** The database has the last word on who may approve. */
async function storeApproval(
  tx: Tx,
  row: RequestRow,
  by: { readonly plan: StoredPlan; readonly principal: Principal; readonly at: Date },
): Promise<void> {
  const { level, authenticatedAt } = by.principal.assurance;
  try {
    await tx.query(insertApproval, [
      row.id,
      by.plan.hash,
      by.plan.created_by,
      by.principal.id,
      by.at,
      level,
      authenticatedAt,
    ]);
  } catch (cause) {
    if (sqlState(cause) !== sqlStates.checkViolation && sqlState(cause) !== '23502') throw cause;
    throw fourEyes(cause);
  }
}
