import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Tx } from '../../db/index.ts';
import type { TenantId } from '../../kernel/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
let tenant: TenantId;
beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 4 });
  tenant = await db.createTenant();
});
afterAll(() => db.close());

const run = (tx: Tx, sql: string) => tx.run({ sql, parameters: [] });
const pidOf = async (tx: Tx): Promise<number> => {
  const { rows } = await tx.run<{ pid: number }>({ sql: 'select pg_backend_pid() as pid', parameters: [] });
  return rows[0]?.pid ?? 0;
};

test('a connection that breaks while its transaction thinks fails that transaction, and nothing else', async () => {
  // Without a listener the driver's error event would end the whole process here.
  const work = db.database.withTenant(tenant, async (tx) => {
    await db.admin('select pg_terminate_backend($1)', [await pidOf(tx)]);
    await sleep(300);
    return run(tx, 'select 1');
  });
  await expect(work).rejects.toMatchObject({ code: 'ERR_DB_UNREACHABLE', status: 503 });
  expect(await db.database.withTenant(tenant, async (tx) => (await run(tx, 'select 1 as one')).rows)).toEqual(
    [{ one: 1 }],
  );
});

test('eight transactions whose connections break at once all fail, and the pool heals', async () => {
  const transactions = Array.from({ length: 8 }, () =>
    db.database.withTenant(tenant, async (tx) => {
      await run(tx, 'select 1');
      await sleep(400);
      return run(tx, 'select pg_sleep(0)');
    }),
  );
  await sleep(200);
  await db.admin(
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'gatehouse_app' and datname = current_database()",
  );
  const results = await Promise.allSettled(transactions.slice(0, 4));
  expect(results.map(({ status }) => status)).toEqual(Array(4).fill('rejected'));
  await Promise.allSettled(transactions);
  await expect(db.database.withTenant(tenant, (tx) => run(tx, 'select 1'))).resolves.toMatchObject({
    rowCount: 1,
  });
});

test('work that swallows a refusal of the database is not taken for committed', async () => {
  let told = false;
  const work = db.database.withTenant(tenant, async (tx) => {
    tx.onCommit(() => (told = true));
    await run(tx, 'select 1 / 0').catch(() => undefined);
    return 'done';
  });
  await expect(work).rejects.toMatchObject({ status: 503 });
  expect(told).toBe(false);
});

test('who keeps things in memory hears at once that notifications are lost, and again when they are back', async () => {
  const heard: string[] = [];
  const end = await db.database.listener.subscribe('security_test', (payload) => void heard.push(payload));
  db.database.listener.onReconnect(() => void heard.push('lost or back'));
  const killed = await db.admin(
    "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'gatehouse-listener' and datname = current_database()",
  );
  expect(killed.rowCount).toBe(1);
  await sleep(100); // sooner than the first try to connect again
  expect(heard).toEqual(['lost or back']);
  for (let waited = 0; heard.length < 2 && waited < 5_000; waited += 50) await sleep(50);
  await db.admin("notify security_test, 'hello'");
  for (let waited = 0; heard.length < 3 && waited < 5_000; waited += 50) await sleep(50);
  expect(heard).toEqual(['lost or back', 'lost or back', 'hello']);
  end();
});
