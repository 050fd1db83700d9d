import { exactlyOne } from '../db/index.ts';
import { marketingRoles } from '../examples/marketing/roles.ts';
import { parseTenantId, type TenantId } from '../kernel/index.ts';
import { tenantCreated } from './events.ts';
import { findTenant, insertTenant } from './store.ts';
import type { House } from './compose.ts';

/** A customer organisation to be. */
export type NewTenant = {
  readonly slug: string;
  readonly name: string;
  readonly settings: {
    readonly timeZone: string;
    readonly country: string;
    readonly languages: readonly string[];
  };
};

/**
 * Creates a tenant with its keys, its log, its roles and its embedded sign-in; doing it again finishes what an
 * interrupted attempt left open.
 */
export async function createTenant(house: House, tenant: NewTenant): Promise<TenantId> {
  const id = await insertOnce(house, tenant);
  await house.crypto.warm(id);
  await house.audit.ensureLog(id);
  await recordCreation(house, id, tenant.slug);
  await house.database.withTenant(id, (tx) => house.policy.installDefaultRoles(tx, marketingRoles));
  return id;
}

async function insertOnce(house: House, tenant: NewTenant): Promise<TenantId> {
  const values = [house.newId(), tenant.slug, tenant.name, JSON.stringify(tenant.settings)];
  const found = await house.database.withSystem(async (tx) => {
    await tx.query(insertTenant, values);
    return tx.query<{ id: string }>(findTenant, [tenant.slug]);
  });
  return parseTenantId(exactlyOne(found, `tenant "${tenant.slug}"`).id);
}

/** Its idempotency key lets the event stand in the log once, however often the creation is finished. */
async function recordCreation(house: House, tenantId: TenantId, slug: string): Promise<void> {
  await house.audit.record({
    definition: tenantCreated,
    tenantId,
    outcome: 'success',
    actor: { kind: 'system', id: 'server', displayName: 'Gatehouse' },
    targets: [{ type: 'tenant', id: tenantId }],
    detail: { slug },
    idempotencyKey: `tenant-created-${tenantId}`,
  });
}
