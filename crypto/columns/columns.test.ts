import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { encryptionPlan } from '../../datamap/index.ts';
import { parseSubjectId, type TenantId } from '../../kernel/index.ts';
import {
  createColumnHouse,
  createShop,
  engineer,
  insertPeople,
  noteField,
  schemaOf,
  writePlain,
  type ColumnHouse,
} from '../../tests/support/column-house.ts';
import { createCryptoFixture, type CryptoFixture } from '../crypto-fixture.ts';
import type { Crypto } from '../types.ts';

let f: CryptoFixture;
let crypto: Crypto;
let house: ColumnHouse;
let a: TenantId;
let b: TenantId;
const sink = { append: async () => undefined, record: async () => undefined };

beforeAll(async () => {
  f = await createCryptoFixture();
  crypto = f.make();
  a = await f.db.createTenant();
  b = await f.db.createTenant();
});
afterAll(() => f.close());
beforeEach(async () => {
  await createShop(f.db);
  house = createColumnHouse({ database: f.db.database, adminUrl: f.db.adminUrl, crypto, audit: sink });
});
afterEach(async () => {
  await f.db.admin('drop schema shop cascade');
  await f.db.admin('delete from crypto.column_migration; delete from crypto.column_layout');
});

const people = (count: number) =>
  Array.from({ length: count }, (_, at) => ({
    id: at + 1,
    note: at % 7 === 0 ? null : at % 11 === 0 ? '' : `note ${at}`,
  }));
const rowsOf = async (tenantId: TenantId) =>
  (await f.db.admin('select * from shop.person where tenant_id = $1 order by id', [tenantId]))
    .rows as readonly {
    id: number;
    subject_id: string;
    note: string | null;
    note_ct1: Buffer | null;
    note_bidx: Buffer | null;
  }[];
const backfill = async (tenantId: TenantId, batchSize = 50) =>
  house.columns.backfill(tenantId, (await house.migrationOf(tenantId)).id, { actor: engineer, batchSize });
const verify = async (tenantId: TenantId) =>
  house.columns.verify(tenantId, (await house.migrationOf(tenantId)).id, { actor: engineer, batchSize: 50 });
const step = async (tenantId: TenantId, name: 'cutOver' | 'revert') => {
  const { id } = await house.migrationOf(tenantId);
  return f.db.database.withTenant(tenantId, (tx) => house.columns[name](tx, id, engineer));
};
/** A writer of ours. */
const writeKnowing = (tenantId: TenantId, id: number, note: string | null) =>
  f.db.database.withTenant(tenantId, async (tx) => {
    const collection = (await house.dataMap.forTenant(tx)).collection('shop.person');
    if (collection === null) throw new Error('no collection');
    const { rows } = await tx.run<{ subject_id: string }>({
      sql: 'select subject_id from shop.person where id = $1 for update',
      parameters: [id],
    });
    if (rows[0] === undefined) return;
    const row = await crypto.sealFields(tx, encryptionPlan(collection), {
      id,
      subject_id: rows[0].subject_id,
      note,
    });
    const names = Object.keys(row).filter((name) => name !== 'id' && name !== 'subject_id');
    await tx.run({
      sql: `update shop.person set ${names.map((name, at) => `${name} = $${at + 2}`).join(', ')} where id = $1`,
      parameters: [id, ...names.map((name) => row[name])],
    });
  });
const opened = async (tenantId: TenantId) =>
  f.db.database.withTenant(tenantId, async (tx) => {
    const collection = (await house.dataMap.forTenant(tx)).collection('shop.person');
    if (collection === null) throw new Error('no collection');
    const { rows } = await tx.run({ sql: 'select * from shop.person order by id', parameters: [] });
    return (await crypto.openRows(tx, encryptionPlan(collection), rows, ['note'])).map(({ id, note }) => [
      id,
      note,
    ]);
  });
const approve = async (tenantId: TenantId) => {
  const { id } = await house.migrationOf(tenantId);
  await f.db.database.withTenant(tenantId, (tx) =>
    house.columns.approveDrop(tx, { id, proposalId: 'p', actor: engineer }),
  );
};

describe('encrypting a column of a live table', () => {
  test('goes from plaintext to ciphertext alone, for each tenant by itself, and the values stay what they were', async () => {
    await insertPeople(f.db, a, people(230));
    await insertPeople(f.db, b, people(3));
    const before = (await rowsOf(a)).map(({ id, note }) => [id, note]);
    const { remarks } = await house.administration.plan(noteField);
    expect(remarks.filter(({ blocks }) => blocks === 'start')).toEqual([]);
    await house.administration.start(noteField);
    expect(await backfill(a)).toMatchObject({ state: 'backfilled', sealed: 197, waiting: 0, refused: [] });
    expect((await rowsOf(b)).every((row) => row.note_ct1 === null)).toBe(true);
    expect(await verify(a)).toEqual({ state: 'verified', checked: 197, differing: 0, findings: [] });
    expect(await step(a, 'cutOver')).toMatchObject({ state: 'cut_over' });
    expect(await opened(a)).toEqual(before);
    await approve(a);
    await expect(house.administration.drop(noteField)).rejects.toMatchObject({ code: 'ERR_CRYPTO_COLUMN' });
    await backfill(b);
    await verify(b);
    await step(b, 'cutOver');
    await expect(house.administration.drop(noteField)).rejects.toThrow(/two people/);
    await approve(b);
    await house.administration.drop(noteField);
    expect((await rowsOf(a))[1]).not.toHaveProperty('note');
    expect(await opened(a)).toEqual(before);
    await writeKnowing(a, 5, 'after');
    expect((await opened(a))[4]).toEqual([5, 'after']);
    await expect(house.administration.revert(noteField)).rejects.toMatchObject({ code: 'ERR_CRYPTO_COLUMN' });
  });

  test('a writer that does not know empties the ciphertext, and one that knows keeps both true', async () => {
    await insertPeople(f.db, a, people(20));
    await house.administration.start(noteField);
    await backfill(a);
    await writePlain(f.db.database, a, 2, 'changed');
    await writePlain(f.db.database, a, 3, null);
    await f.db.admin('update shop.person set other = $2 where tenant_id = $1 and id = 4', [a, 'untouched']);
    await f.db.admin('update shop.person set subject_id = $2 where tenant_id = $1 and id = 5', [
      a,
      randomUUID(),
    ]);
    await f.db.admin('update shop.person set id = 100 where tenant_id = $1 and id = 6', [a]);
    await f.db.admin(
      `begin; set local session_replication_role = replica; update shop.person set note = 'past' where id = 7; commit`,
    );
    await writeKnowing(a, 9, 'known');
    const state = new Map((await rowsOf(a)).map((row) => [row.id, row.note_ct1 !== null]));
    expect([2, 3, 4, 5, 100, 7, 9].map((id) => state.get(id))).toEqual([
      false,
      false,
      true,
      false,
      false,
      false,
      true,
    ]);
    expect((await rowsOf(a)).find(({ id }) => id === 2)?.note_bidx).toBeNull();
    expect(await verify(a)).toMatchObject({ state: 'verified', differing: 0 });
  });

  test('after the cut-over a row of a writer that does not know is read from its plaintext until it is swept', async () => {
    await insertPeople(f.db, a, people(9));
    await house.administration.start(noteField);
    await backfill(a);
    await verify(a);
    await step(a, 'cutOver');
    await writePlain(f.db.database, a, 3, 'late');
    expect((await opened(a))[2]).toEqual([3, 'late']);
    expect(await house.columns.sweep(a, engineer)).toBe(1);
    expect((await rowsOf(a))[2]?.note_ct1).not.toBeNull();
    expect((await opened(a))[2]).toEqual([3, 'late']);
  });

  test('verification names rows that differ by id and kind, never by value, and keeps the cut-over shut', async () => {
    await insertPeople(f.db, a, people(12));
    await house.administration.start(noteField);
    await backfill(a);
    const rows = await rowsOf(a);
    const [second, third] = [rows[1]?.note_ct1, rows[2]?.note_ct1];
    await f.db.admin('update shop.person set note_ct1 = $2 where tenant_id = $1 and id = 2', [a, third]);
    await f.db.admin(`update shop.person set note_bidx = '\\x00' where tenant_id = $1 and id = 4`, [a]);
    await f.db.admin('update shop.person set note_ct1 = $2 where tenant_id = $1 and id = 1', [a, second]);
    await f.db.admin(
      `alter table shop.person disable trigger user; update shop.person set note = 'silently' where id = 6; alter table shop.person enable trigger user`,
    );
    const report = await verify(a);
    expect(report.state).toBe('backfilled');
    expect([...report.findings].toSorted((x, y) => Number(x.rowId) - Number(y.rowId))).toEqual([
      { rowId: '1', what: 'ciphertext_alone' },
      { rowId: '2', what: 'unreadable' },
      { rowId: '4', what: 'index_differs' },
      { rowId: '6', what: 'differs' },
    ]);
    await expect(step(a, 'cutOver')).rejects.toMatchObject({ code: 'ERR_CRYPTO_COLUMN' });
    expect(JSON.stringify(await house.migrationOf(a))).not.toContain('silently');
  });

  test('rows without a person and rows of an erased person are named and keep the backfill from ending', async () => {
    const erased = parseSubjectId(randomUUID());
    await insertPeople(f.db, a, [
      { id: 1, note: 'x', subject: null },
      { id: 2, note: 'y', subject: erased },
      { id: 3, note: 'z' },
    ]);
    await f.db.database.withTenant(a, (tx) =>
      crypto.shred(tx, [erased], { requestId: randomUUID(), reason: 'test', actor: engineer }),
    );
    await house.administration.start(noteField);
    expect(await backfill(a)).toMatchObject({
      state: 'dual_write',
      sealed: 1,
      waiting: 2,
      refused: [
        { rowId: '1', what: 'no_person' },
        { rowId: '2', what: 'person_erased' },
      ],
    });
    await f.db.admin('update shop.person set note = null where id in (1, 2)');
    expect(await backfill(a)).toMatchObject({ state: 'backfilled', refused: [] });
  });

  test('is taken back from every state, and the table is what it was', async () => {
    await insertPeople(f.db, a, people(30));
    const schema = await schemaOf(f.db, 'shop.person');
    const before = (await rowsOf(a)).map((row) => ({ ...row }));
    const steps: readonly (() => Promise<unknown>)[] = [
      () => house.administration.start(noteField),
      () => backfill(a),
      () => verify(a),
      () => step(a, 'cutOver'),
      () => approve(a),
    ];
    for (let upTo = 1; upTo <= steps.length; upTo += 1) {
      for (const one of steps.slice(0, upTo)) await one();
      await house.administration.revert(noteField);
      expect(await schemaOf(f.db, 'shop.person')).toEqual(schema);
      expect(await rowsOf(a)).toEqual(before);
    }
  });

  test('a step back after the cut-over loses nothing that was written in between', async () => {
    await insertPeople(f.db, a, people(9));
    await house.administration.start(noteField);
    await backfill(a);
    await verify(a);
    await step(a, 'cutOver');
    await writeKnowing(a, 2, 'while cut over');
    expect(await step(a, 'revert')).toMatchObject({ state: 'backfilled', verifiedAt: null });
    expect((await rowsOf(a))[1]?.note).toBe('while cut over');
    await expect(step(a, 'cutOver')).rejects.toMatchObject({ code: 'ERR_CRYPTO_COLUMN' });
  });
});
