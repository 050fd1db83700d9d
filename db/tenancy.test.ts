import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../tests/support/database.ts';
import { checkCatalog, statement } from './index.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
  await db.admin('create schema probe authorization gatehouse_owner');
  await db.admin(`set role gatehouse_owner`);
});
afterAll(() => db.close());

const currentTenant = statement('test.current_tenant', 'select db.current_tenant() as id');
const forge = statement('test.forge', `select set_config('gatehouse.tenant', $1, true)`);
const readSetting = statement('test.read_setting', `select current_setting('gatehouse.tenant') as setting`);

describe('the signed tenant setting', () => {
  test('names the tenant of the transaction and none outside', async () => {
    const tenant = await db.createTenant();
    const inside = await db.database.withTenant(tenant, (tx) => tx.query<{ id: string }>(currentTenant));
    expect(inside.rows[0]?.id).toBe(tenant);
    const outside = await db.database.withSystem((tx) => tx.query<{ id: string | null }>(currentTenant));
    expect(outside.rows[0]?.id).toBeNull();
  });

  test('refuses a forged setting', async () => {
    const [mine, other] = [await db.createTenant(), await db.createTenant()];
    const attempt = db.database.withTenant(mine, async (tx) => {
      await tx.query(forge, [`${other}|${'0'.repeat(64)}`]);
      return tx.query(currentTenant);
    });
    await expect(attempt).rejects.toMatchObject({ code: '42501' });
  });

  test('refuses a setting replayed in another transaction', async () => {
    const tenant = await db.createTenant();
    const captured = await db.database.withTenant(tenant, (tx) => tx.query<{ setting: string }>(readSetting));
    const replay = db.database.withSystem(async (tx) => {
      await tx.query(forge, [captured.rows[0]?.setting]);
      return tx.query(currentTenant);
    });
    await expect(replay).rejects.toMatchObject({ code: '42501' });
  });
});

test('the migrated catalog breaks no rule', async () => {
  expect(await checkCatalog(db.adminUrl)).toEqual([]);
});
