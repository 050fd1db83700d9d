import { parseSubjectId, type CallContext } from '../kernel/index.ts';
import { dsrError } from './errors.ts';
import { executionRefused } from './events.ts';
import { parsePlan } from './plan-document.ts';
import { readPlan, recount } from './planning.ts';
import { engineActor, type Actor } from './ports.ts';
import { sealSearch } from './sealed-identity.ts';
import { insertTask, resetTasks, startTasks, updateAttempts, updateSearch } from './store-work.ts';
import type { Turn } from './turn.ts';

/**
 * From approved (or, for access, planned) to executing. An erasure is counted again first; what moved too far sends it
 * back to planning.
 *
 * @returns the drift that refused it, or null
 */
export async function beginExecution(
  turn: Turn,
  by: { readonly actor: Actor; readonly call?: CallContext } = { actor: engineActor },
): Promise<Error | null> {
  const { deps } = turn;
  const why = by.call === undefined ? { actor: by.actor } : { actor: by.actor, call: by.call };
  return turn.step(async (tx, row) => {
    const plan = parsePlan((await readPlan(tx, row)).document);
    const again = row.state === 'partially_completed';
    const { drift, terms } = again ? { drift: [], terms: null } : await recount(turn, tx, row, plan);
    if (drift.length > 0 && row.type === 'erasure') {
      const note = `the data moved away from the approved plan: ${drift.map((one) => `${one.collection} ${one.planned} -> ${one.found}`).join(', ')}`;
      await turn.move(tx, row, 'verified', { ...why, note });
      await deps.audit.append(tx, {
        definition: executionRefused,
        tenantId: tx.tenantId,
        outcome: 'denied',
        reason: 'drift',
        ...why,
        targets: [{ type: 'dsr.request', id: row.id }],
        subjects: plan.identity.subjects.map(parseSubjectId),
        detail: { requestId: row.id, planHash: row.plan_hash ?? '', drifted: [...drift] },
      });
      return dsrError('ERR_DSR_PLAN_DRIFTED', `${note}; plan and approve again`, { details: { drift } });
    }
    const action = row.type === 'erasure' ? 'erase' : 'export';
    for (const system of new Set(plan.steps.map((step) => step.system)))
      await tx.query(insertTask, [row.id, system, action, row.plan_hash]);
    if (terms !== null && row.search_sealed === null) {
      await tx.query(updateSearch, [row.id, await sealSearch(deps.crypto, tx, row.id, terms)]);
    }
    if (again) await tx.query(resetTasks, [row.id, row.plan_hash]);
    await tx.query(startTasks, [row.id, row.plan_hash, turn.fence, deps.clock.now()]);
    await tx.query(updateAttempts, [row.id, 0, null]);
    await turn.move(tx, row, 'executing', { ...why, note: 'execution begins' });
    return null;
  });
}
