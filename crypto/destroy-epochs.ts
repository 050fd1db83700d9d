import type { Database, Tx } from '../db/index.ts';
import type { AuditSink, Logger, TenantId } from '../kernel/index.ts';
import { epochDestroyed } from './events.ts';
import type { ProviderRegistry } from './providers/provider-registry.ts';
import { markTenantKeyDestroyed, readSupersededTenantKeys } from './store-rotation.ts';
import type { Actor } from './types.ts';

/** What destroying epochs needs. */
export type DestroyDeps = {
  readonly database: Database;
  readonly providers: ProviderRegistry;
  readonly audit: () => AuditSink<Tx>;
  readonly logger: Logger;
};

/**
 * Lets the root provider forget every epoch that wraps nothing any more: from then on no backup of the database opens
 * what had been wrapped under it, keys of shredded people included. A provider that is away is asked again at the end
 * of the next rotation.
 */
export async function destroySuperseded(deps: DestroyDeps, tenantId: TenantId, actor: Actor): Promise<void> {
  const { rows } = await deps.database.withTenant(tenantId, (tx) =>
    tx.query<{ epoch: number; provider: string }>(readSupersededTenantKeys, [tenantId]),
  );
  for (const { epoch, provider } of rows) {
    try {
      await (await deps.providers.named(tenantId, provider)).scheduleDestroy(tenantId, epoch);
    } catch (error) {
      deps.logger.warn('a superseded epoch could not be destroyed at the root provider; it is tried again', {
        tenantId,
        epoch,
        error,
      });
      return;
    }
    await deps.database.withTenant(tenantId, (tx) => markDestroyed(tx, deps, { epoch, provider }, actor));
  }
}

/** Of processes that finish at once, one writes the event. */
async function markDestroyed(
  tx: Tx,
  deps: DestroyDeps,
  { epoch, provider }: { readonly epoch: number; readonly provider: string },
  actor: Actor,
): Promise<void> {
  const { rowCount } = await tx.query(markTenantKeyDestroyed, [tx.tenantId, epoch]);
  if (rowCount === 0) return;
  await deps.audit().append(tx, {
    definition: epochDestroyed,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor,
    targets: [{ type: 'crypto.tenant_key', id: String(epoch) }],
    detail: { epoch, provider },
  });
}
