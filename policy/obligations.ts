import { GatehouseError } from '../kernel/index.ts';
import { denial, reason, type Decision, type Obligation } from './decision.ts';

/**
 * What an enforcement point does with every decision before it acts: an obligation whose type it does not know turns the
 * decision into a denial.
 *
 * @param known - obligation types that the caller really fulfils
 */
export function enforceObligations(decision: Decision, known: readonly Obligation['type'][]): Decision {
  const strange = decision.obligations.find((obligation) => !known.includes(obligation.type));
  if (strange === undefined) return decision;
  const message = `the obligation "${strange.type}" is not known to this enforcement point`;
  return denial(reason('ERR_POLICY_UNKNOWN_OBLIGATION', message), decision.revision, decision.obligations);
}

/**
 * Throws unless the decision permits; a denial that a second factor would turn asks for it.
 *
 * @throws ERR_STEP_UP_REQUIRED (401), or the first reason's code (403)
 */
export function requireAllowed(decision: Decision, known: readonly Obligation['type'][]): Decision {
  const enforced = enforceObligations(decision, known);
  if (enforced.decision) return enforced;
  const [first] = enforced.reasons;
  const details = { reasons: enforced.reasons, revision: enforced.revision };
  const stepUp = enforced.obligations.find((obligation) => obligation.type === 'step_up');
  if (
    stepUp !== undefined &&
    known.includes('step_up') &&
    enforced.reasons.every(({ code }) => code === 'ERR_POLICY_ASSURANCE')
  ) {
    const message = first?.message ?? 'authenticate again with a second factor';
    throw new GatehouseError('ERR_STEP_UP_REQUIRED', message, {
      status: 401,
      details: { ...details, ...stepUp.properties },
    });
  }
  throw new GatehouseError(first?.code ?? 'ERR_POLICY_NO_RULE', first?.message ?? 'no rule permits this', {
    status: 403,
    details,
  });
}
