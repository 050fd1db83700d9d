import { statement, type Database } from '../db/index.ts';
import { parseTenantId, type TenantId } from '../kernel/index.ts';

/** A tenant's log, as background work goes round them. */
export type ListedLog = { readonly tenantId: TenantId; readonly logId: string; readonly origin: string };

/** Logs in order of their tenants. $1 after */
export const selectLogs = statement(
  'audit.select_logs',
  `select tenant_id as "tenantId", log_id as "logId", origin from audit.log where tenant_id > $1 order by tenant_id limit 1000`,
);

const pageSize = 1_000;

/** Every log of the house. */
export async function listLogs(database: Database): Promise<readonly ListedLog[]> {
  const all: ListedLog[] = [];
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const { rows } = await database.withSystem(
      (tx) => tx.query<{ tenantId: string; logId: string; origin: string }>(selectLogs, [after]),
      { readOnly: true },
    );
    all.push(...rows.map((row) => ({ ...row, tenantId: parseTenantId(row.tenantId) })));
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageSize) return all;
    after = last.tenantId;
  }
}
