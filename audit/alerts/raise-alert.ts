import type { Tx } from '../../db/index.ts';
import type { AuditSink, Clock, NewId } from '../../kernel/index.ts';
import type { Raised } from './evaluator.ts';
import { alertRaised } from './events.ts';
import type { RuleRow } from './rules.ts';
import { insertAlert } from './store.ts';

/** What raising needs. */
export type RaiseDeps = {
  readonly audit: () => AuditSink<Tx>;
  readonly clock: Clock;
  readonly newId: NewId;
};

/** Events that an alert names; of more, the newest. */
export const maxNamedEvents = 100;

/** The row and its event, in the transaction that moves the cursor. */
export async function raiseAlert(
  tx: Tx,
  { audit, clock, newId }: RaiseDeps,
  rule: Pick<RuleRow, 'id' | 'name' | 'severity' | 'definition'>,
  { key, at, seqs, note, depth }: Raised,
): Promise<void> {
  const id = newId();
  const named = seqs.slice(-maxNamedEvents);
  const { kind } = rule.definition;
  const shown = key.slice(0, 500);
  const values = [id, rule.id, rule.name, kind, rule.severity, shown, new Date(at), named, seqs.length, note];
  await tx.query(insertAlert, [...values, clock.now()]);
  await audit().append(tx, {
    definition: alertRaised,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: { kind: 'system', id: 'audit.alerts', displayName: 'Alert rules' },
    targets: [
      { type: 'audit.alert', id },
      { type: 'audit.alert_rule', id: rule.id },
    ],
    detail: {
      alertId: id,
      ruleId: rule.id,
      rule: rule.name,
      kind,
      severity: rule.severity,
      key: shown,
      seqs: named,
      events: seqs.length,
      note,
      depth,
    },
  });
}
