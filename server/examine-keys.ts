import { createKeyInventory } from '../crypto/index.ts';
import { createDatabase, deriveConnectionUrls } from '../db/index.ts';
import { silentLogger, systemClock } from '../kernel/index.ts';
import type { Config } from './config.ts';
import { eachTenant } from './each-tenant.ts';

/** Keys of all tenants beyond their cryptoperiod, asked of the database without a house; for `doctor`. */
export async function examineKeys(
  config: Config,
  databaseUrl: string,
): Promise<{ readonly ok: boolean; readonly detail: string }> {
  const database = createDatabase({
    ...{ urls: deriveConnectionUrls(databaseUrl), logger: silentLogger, poolSize: 1 },
  });
  const { cryptoperiods } = config;
  const inventory = createKeyInventory({ clock: systemClock, cryptoperiods });
  const overdue: string[] = [];
  let tenants = 0;
  try {
    await eachTenant(database, silentLogger, 'counting overdue keys', async (tenantId) => {
      const counts = await database.withTenant(tenantId, (tx) => inventory.overdue(tx), { readOnly: true });
      tenants += 1;
      const found = Object.entries(counts).filter(([, count]) => count > 0);
      if (found.length > 0)
        overdue.push(`${tenantId}: ${found.map(([kind, count]) => `${count} ${kind}`).join(', ')}`);
    });
  } finally {
    await database.close();
  }
  if (overdue.length === 0) return { ok: true, detail: `none is overdue in ${tenants} tenants` };
  return { ok: false, detail: `overdue, rotate them: ${overdue.slice(0, 20).join('; ')}` };
}
