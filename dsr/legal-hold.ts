import type { HeldSubject } from '../audit/index.ts';
import type { PlanExemption, PlanStep } from './plan-document.ts';

/** The code of the exemption in plans. */
const holdCode = 'legal_hold';

/** What the person, the plan and the trail are told. */
export function holdText({ holdId }: HeldSubject): string {
  return `kept: legal hold ${holdId}`;
}

/** A plan's steps for somebody under a legal hold: everything stays, and each step says why. */
export function keepUnderHold(steps: readonly PlanStep[], held: HeldSubject): readonly PlanStep[] {
  const exemption: PlanExemption = {
    code: holdCode,
    basis: 'legal_claims',
    citation: `GDPR Art. 17(3)(e); ${holdText(held)}`,
    until: held.until?.toISOString() ?? null,
  };
  return steps.map((step) => ({
    ...step,
    action: 'keep',
    exemption,
    fields: step.fields.map((field) => ({ ...field, action: 'keep', exemption: holdCode })),
    note: holdText(held),
  }));
}
