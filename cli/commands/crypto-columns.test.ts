import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parseTenantId, type TenantId } from '../../kernel/index.ts';
import { createShop, insertPeople, noteField, shopMap } from '../../tests/support/column-house.ts';
import { createTestDatabase, type TestDatabase } from '../../tests/support/database.ts';
import { main } from '../main.ts';

let db: TestDatabase;
let folder: string;
let tenantId: TenantId;

async function gatehouse(...argv: string[]): Promise<{ readonly code: number; readonly text: string }> {
  const lines: string[] = [];
  const environment = {
    GATEHOUSE_DATABASE_URL: db.adminUrl,
    GATEHOUSE_DATA_DIR: folder,
    GATEHOUSE_ROOT_KEY_PASSPHRASE: 'a passphrase of this test alone',
  };
  const put = (line: string): void => void lines.push(line);
  const code = await main(argv, { out: put, error: put, environment });
  return { code, text: lines.join('\n') };
}
const step = (name: string, ...more: string[]) =>
  gatehouse('crypto', 'migrate-column', name, noteField, ...more);

beforeAll(async () => {
  db = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-columns-'));
  await createShop(db);
  const made = await gatehouse('tenant', 'create', 'initech', '--name', 'Initech', '--json');
  tenantId = parseTenantId((JSON.parse(made.text) as { id: string }).id);
  await writeFile(join(folder, 'shop.yaml'), shopMap(''));
  await insertPeople(
    db,
    tenantId,
    Array.from({ length: 25 }, (_, at) => ({ id: at + 1, note: `secret ${at}` })),
  );
}, 60_000);
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true, force: true });
});

test('the runbook is carried out at the command line, from the data map to the drop', async () => {
  const undeclared = await step('plan');
  expect(undeclared.code).toBe(1);
  expect(undeclared.text).toContain('encryption.column');
  expect((await gatehouse('datamap', 'load', join(folder, 'shop.yaml'), '--tenant', 'initech')).code).toBe(0);
  await db.admin('create view shop.notes with (security_invoker = true) as select id, note from shop.person');
  const plan = await step('plan');
  expect(plan.code).toBe(0);
  expect(plan.text).toMatch(/blocks drop\s+rule _RETURN on view shop.notes/);
  expect(await step('start')).toMatchObject({ code: 0, text: expect.stringMatching(/initech\s+dual_write/) });
  expect((await step('cut-over', '--tenant', 'initech')).text).toContain('not possible in state dual_write');
  const backfilled = await step('backfill', '--tenant', 'initech', '--batch-size', '10', '--pause', '1');
  expect(backfilled).toMatchObject({
    code: 0,
    text: expect.stringContaining('backfilled, 25 rows sealed now, 0 wait'),
  });
  await db.admin(`update shop.person set note_bidx = '\\x00' where id = 3`);
  expect(await step('verify', '--tenant', 'initech')).toMatchObject({
    code: 1,
    text: expect.stringContaining('row 3: index_differs'),
  });
  await db.admin('update shop.person set note_ct1 = null where id = 3');
  expect((await step('verify', '--tenant', 'initech')).code).toBe(0);
  expect((await step('cut-over', '--tenant', 'initech')).text).toContain('cut_over');
  expect((await step('drop')).text).toContain('view shop.notes');
  await db.admin('drop view shop.notes');
  expect((await step('drop')).text).toContain('two people have not approved: initech');
  await db.admin('update crypto.column_migration set drop_approved_at = now()');
  const dropped = await step('drop');
  expect(dropped).toMatchObject({ code: 0, text: expect.stringContaining('every backup made before now') });
  expect(
    (
      await db.admin(
        `select 1 from pg_attribute where attrelid = 'shop.person'::regclass and attname = 'note'`,
      )
    ).rows,
  ).toEqual([]);
  const { text } = await gatehouse('crypto', 'migrate-column', 'status', '--json');
  expect(JSON.parse(text)).toMatchObject({ migrations: [{ field: 'note', state: 'cut_over', sealed: 25 }] });
  const { rows } = await db.admin(
    `select distinct action from audit.entry where action like 'crypto.column%' order by 1`,
  );
  expect(rows.map(({ action }) => action)).toEqual([
    'crypto.column_plaintext_dropped',
    'crypto.column_state_changed',
    'crypto.column_verified',
  ]);
}, 120_000);

test.each([
  [[]],
  [['fly']],
  [['start']],
  [['backfill', noteField]],
  [['backfill', noteField, '--tenant', 'initech', '--pause', 'x']],
])(
  'wrong use ends with 2 and says how: %j',
  async (argv) => {
    const answer = await gatehouse('crypto', 'migrate-column', ...argv);
    expect(answer.code).toBe(2);
    expect(answer.text).toMatch(/^(name the|--pause must)/);
  },
  30_000,
);
