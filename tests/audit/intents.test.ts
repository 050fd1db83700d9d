import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { TenantId } from '../../kernel/index.ts';
import { createAuditFixture, type AuditFixture } from './fixture.ts';

let house: AuditFixture;
let tenant: TenantId;
beforeAll(async () => {
  house = await createAuditFixture();
  tenant = await house.db.createTenant();
  await house.audit.prepare(tenant);
});
afterAll(() => house.close());

const actor = { kind: 'system', id: 'probe', displayName: 'Probe' } as const;
const begin = (): Promise<string> =>
  house.db.database.withTenant(tenant, (tx) => house.audit.intent(tx, { effect: 'probe.call', actor }));
const trail = async (intentId: string): Promise<readonly string[]> => {
  await house.audit.flush();
  const { rows } = await house.db.admin(
    `select action, outcome from audit.entry where tenant_id = $1 and position(convert_to($2, 'UTF8') in body) > 0 order by seq`,
    [tenant, intentId],
  );
  return rows.map(({ action, outcome }: { action: string; outcome: string }) => `${action} ${outcome}`);
};

test('an effect is two events that its id ties together, and its first outcome counts', async () => {
  const id = await begin();
  await house.audit.outcome(id, { tenantId: tenant, actor, outcome: 'failure', reason: 'away' });
  await house.audit.outcome(id, { tenantId: tenant, actor, outcome: 'success' });
  expect(await trail(id)).toEqual(['audit.effect_intent success', 'audit.effect_outcome failure']);
});

test('an intent that nobody settles is told once, counts as open, and may still be settled', async () => {
  const orphaned = await begin();
  const impatient = house.another(house.db.database, { orphanMilliseconds: -1 });
  const open = () => house.db.database.withTenant(tenant, (tx) => house.audit.intents.orphans(tx));
  expect(await house.audit.intents.findOrphans()).toBe(0);
  expect(await impatient.intents.findOrphans()).toBe(1);
  expect(await impatient.intents.findOrphans()).toBe(0);
  expect(await open()).toBe(1);
  expect(await trail(orphaned)).toEqual(['audit.effect_intent success', 'audit.intent_orphaned failure']);
  await house.audit.outcome(orphaned, { tenantId: tenant, actor, outcome: 'success' });
  expect(await open()).toBe(0);
});
