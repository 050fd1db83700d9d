import type { TenantId } from '../kernel/index.ts';
import type { House } from './compose.ts';

/** Templates of alert rules that demo tenants begin with. */
const demoTemplates: readonly string[] = [
  'sign_in_burst',
  'self_grant',
  'mass_export',
  'poison_opened',
  'sink_failing',
  'log_not_sound',
];

/** Makes, tries and switches on some rules; those that stand already are left as they are. */
export async function seedRules(house: Pick<House, 'audit' | 'database'>, tenantId: TenantId): Promise<void> {
  const { alerting } = house.audit;
  const actor = { kind: 'system', id: 'demo', displayName: 'Demo', tenantId } as const;
  await house.audit.prepare(tenantId);
  const known = await house.database.withTenant(tenantId, alerting.rules.list, { readOnly: true });
  for (const { key, ...rule } of alerting.templates) {
    if (!demoTemplates.includes(key) || known.some(({ name }) => name === rule.name)) continue;
    const { id } = await house.database.withTenant(tenantId, (tx) => alerting.rules.create(tx, actor, rule));
    const range = { ruleId: id, from: null, since: null, to: null, signal: new AbortController().signal };
    for await (const line of alerting.backtest(actor, { ...range, definition: rule.definition }))
      if (line.kind === 'finished')
        await house.database.withTenant(tenantId, (tx) => alerting.rules.enable(tx, actor, id));
  }
}
