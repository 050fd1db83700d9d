import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { statement, type Queries } from '../db/index.ts';
import type { TenantId } from '../kernel/index.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';

const insertNote = statement(
  'test.insert_note',
  'insert into wall.note (tenant_id, id, body) values ($1, $2, $3)',
);
const readNotes = statement('test.read_notes', 'select body from wall.note order by body');
const rewriteNotes = statement('test.rewrite_notes', 'update wall.note set body = $1');
const moveNotes = statement('test.move_notes', 'update wall.note set tenant_id = $1');
const deleteNotes = statement('test.delete_notes', 'delete from wall.note');

let db: TestDatabase;
let [mine, other]: TenantId[] = [];
beforeAll(async () => {
  db = await createTestDatabase();
  await db.admin(`create schema wall authorization gatehouse_owner`);
  await db.admin(`set role gatehouse_owner;
    create table wall.note (tenant_id uuid not null, id uuid not null, body text not null, primary key (tenant_id, id));
    call db.protect_tenant_table('wall.note');
    grant usage on schema wall to gatehouse_app;
    grant select, insert, update, delete on wall.note to gatehouse_app;
    reset role`);
  mine = await db.createTenant();
  other = await db.createTenant();
  for (const tenant of [mine, other]) {
    await db.database.withTenant(tenant, (tx) =>
      tx.query(insertNote, [tenant, randomUUID(), `of ${tenant}`]),
    );
  }
});
afterAll(() => db.close());

async function allBodies(): Promise<readonly string[]> {
  const { rows } = await db.admin('select body from wall.note');
  return rows.map((row: { body: string }) => row.body);
}

const asMine = <T>(work: (tx: Queries) => Promise<T>): Promise<T> =>
  db.database.withTenant(mine as TenantId, work); // set in beforeAll

describe('the tenant wall', () => {
  test('shows a tenant its own rows and no others', async () => {
    const { rows } = await asMine((tx) => tx.query(readNotes));
    expect(rows).toEqual([{ body: `of ${mine}` }]);
  });

  test('shows no row outside a tenant', async () => {
    expect((await db.database.withSystem((tx) => tx.query(readNotes))).rows).toEqual([]);
  });

  test('refuses a row written for, or moved to, another tenant', async () => {
    const foreign = asMine((tx) => tx.query(insertNote, [other, randomUUID(), 'smuggled']));
    await expect(foreign).rejects.toMatchObject({ code: '42501' });
    await expect(asMine((tx) => tx.query(moveNotes, [other]))).rejects.toMatchObject({ code: '42501' });
    expect(await allBodies()).toHaveLength(2);
  });

  test('lets a tenant change and delete its own rows only', async () => {
    expect((await asMine((tx) => tx.query(rewriteNotes, ['changed']))).rowCount).toBe(1);
    expect((await asMine((tx) => tx.query(deleteNotes))).rowCount).toBe(1);
    expect(await allBodies()).toEqual([`of ${other}`]);
  });

  test.each([
    'alter table wall.note disable row level security',
    'drop policy tenant_wall on wall.note',
    'truncate wall.note',
    'create table wall.mine (id int)',
    'select * from db.signing_key',
    'set role gatehouse_owner',
    `create function wall.f() returns int language sql return 1`,
  ])('refuses the application: %s', async (text) => {
    await expect(asMine((tx) => tx.run({ sql: text, parameters: [] }))).rejects.toMatchObject({
      code: '42501',
    });
  });

  test('does not let the setting outlive its transaction on a pooled connection', async () => {
    await asMine((tx) => tx.query(readNotes));
    const settings = await Promise.all(
      Array.from({ length: 20 }, () =>
        db.database.withSystem((tx) =>
          tx.run<{ setting: string | null }>({
            sql: `select nullif(current_setting('gatehouse.tenant', true), '') as setting`,
            parameters: [],
          }),
        ),
      ),
    );
    expect(settings.map(({ rows }) => rows[0]?.setting)).toEqual(Array.from({ length: 20 }, () => null));
  });
});

describe('a transaction', () => {
  test('that fails leaves nothing behind and calls no commit callback', async () => {
    let called = false;
    const attempt = asMine(async (tx) => {
      tx.onCommit(() => (called = true));
      await tx.query(insertNote, [mine, randomUUID(), 'lost']);
      throw new Error('changed my mind');
    });
    await expect(attempt).rejects.toThrow('changed my mind');
    expect(called).toBe(false);
    expect(await allBodies()).not.toContain('lost');
  });
});
