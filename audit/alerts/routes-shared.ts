import type { Database } from '../../db/index.ts';
import type { Audit } from '../audit.ts';
import { emptyState, ruleStateSchema } from './rule-state.ts';
import { digestOf } from './rule.ts';
import type { RuleRow } from './rules.ts';

/** What the routes need. */
export type AlertRoutesDeps = { readonly audit: Audit; readonly database: Database };

/** Changing rules and alerts needs this. */
export const manage = { kind: 'principal', action: 'audit.manage' } as const;
/** @see AlertRoutesDeps */
export const noRule = { description: 'There is no such rule' } as const;

/** A rule as it is shown. */
export function ruleBody(rule: RuleRow): unknown {
  const counts = rule.state === null ? emptyState(null).counts : ruleStateSchema.parse(rule.state).counts;
  return {
    id: rule.id,
    name: rule.name,
    severity: rule.severity,
    definition: rule.definition,
    digest: digestOf(rule.definition).toString('hex'),
    enabled: rule.enabled,
    sinceSeq: rule.sinceSeq,
    testedAt: rule.testedAt?.toISOString() ?? null,
    counts,
    createdBy: rule.createdBy,
    createdAt: rule.createdAt.toISOString(),
    changedAt: rule.changedAt.toISOString(),
  };
}
