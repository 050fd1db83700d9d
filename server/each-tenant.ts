import type { Database } from '../db/index.ts';
import { parseTenantId, type Logger, type TenantId } from '../kernel/index.ts';
import { listTenants } from './store.ts';

const tenantsPerPage = 500;

/** Does something for every tenant that is not disabled, one after another; one that fails does not stop the others. */
export async function eachTenant(
  database: Database,
  logger: Logger,
  what: string,
  work: (tenantId: TenantId) => Promise<unknown>,
): Promise<void> {
  for (let after: string | null = null; ;) {
    const { rows } = await database.withSystem((tx) =>
      tx.query<{ id: string }>(listTenants, [after, tenantsPerPage]),
    );
    for (const { id } of rows) {
      const tenantId = parseTenantId(id);
      await work(tenantId).catch((error: unknown) =>
        logger.error(`${what} failed for a tenant; it is tried again`, { error, tenantId }),
      );
    }
    after = rows.at(-1)?.id ?? null;
    if (after === null || rows.length < tenantsPerPage) return;
  }
}
