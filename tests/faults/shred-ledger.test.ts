import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { TenantId } from '../../kernel/index.ts';
import { call, startTestHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await startTestHouse({ contacts: 3 });
}, 60_000);
afterAll(() => house.close());

const ledgerCheck = async (): Promise<{ status: number; check: unknown }> => {
  const answer = await call(house.url, 'GET', '/health/ready');
  return {
    status: answer.status,
    check: answer.body.checks.find(({ name }: { name: string }) => name === 'shred ledger'),
  };
};

test('a house compares the shred ledger before it serves, and stops being ready when the ledger is damaged', async () => {
  const { crypto, audit, config, database } = house.house;
  expect(await ledgerCheck()).toMatchObject({ status: 200, check: { ok: true } });
  const tenant = house.tenants[0]?.id as TenantId; // as the bootstrap names it
  await crypto.warm(tenant);
  const { rows } = await house.db.admin(
    'select subject_id from crypto.dek where tenant_id = $1 and subject_id is not null limit 1',
    [tenant],
  );
  const why = {
    requestId: 'request-1',
    reason: 'a drill',
    actor: { kind: 'system', id: 'drill', displayName: 'drill' },
  } as const;
  await database.withTenant(tenant, (tx) => crypto.shred(tx, [rows[0].subject_id], why));
  const folder = config.shredLedgerFolder;
  const [file = ''] = (await readdir(folder)).filter((name) => name.endsWith('.shreds'));
  await remembered();
  await rename(join(folder, file), join(folder, 'taken-away'));
  await crypto.shredLedger.reconcile();
  expect(await ledgerCheck()).toMatchObject({
    status: 503,
    check: { ok: false, detail: expect.stringContaining('missing') },
  });
  await rename(join(folder, 'taken-away'), join(folder, file));
  await crypto.shredLedger.tick(); // every process looks again by itself
  expect(await ledgerCheck()).toMatchObject({ status: 200, check: { ok: true } });
  expect(audit.health().ok).toBe(true);
});

/** The database remembers files a moment after they were written. */
async function remembered(): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const { rowCount } = await house.db.admin('select 1 from crypto.ledger_file');
    if ((rowCount ?? 0) > 0) return;
    await new Promise((wake) => setTimeout(wake, 50));
  }
  throw new Error('the database does not remember the file of the ledger');
}
