import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { encryptionPlan } from '../../datamap/index.ts';
import type { TenantId } from '../../kernel/index.ts';
import {
  createColumnHouse,
  createShop,
  engineer,
  type ColumnHouse,
} from '../../tests/support/column-house.ts';
import { createCryptoFixture, type CryptoFixture } from '../crypto-fixture.ts';
import type { Crypto } from '../types.ts';

/** Column, its type in SQL and in the map, plaintexts as SQL, and what a reader gets after the cut-over. */
const columns = [
  ['age', 'integer', 'integer', [`42`, `-1`, 'null'], [42, -1, null]],
  [
    'score',
    'numeric',
    'numeric',
    [`1234567890.1234567891`, `0.50`, 'null'],
    ['1234567890.1234567891', '0.50', null],
  ],
  ['vip', 'boolean', 'boolean', ['true', 'false', 'null'], [true, false, null]],
  [
    'born',
    'date',
    'date',
    [`date '1987-06-05'`, `date '2024-02-29'`, 'null'],
    ['1987-06-05', '2024-02-29', null],
  ],
  [
    'prefs',
    'jsonb',
    'json',
    [`'{"a":[1,"ż"],"b":null}'::jsonb`, `'[]'::jsonb`, 'null'],
    [{ a: [1, 'ż'], b: null }, [], null],
  ],
  [
    'seen',
    'timestamptz',
    'timestamptz',
    [`timestamptz '2026-11-23T10:00:00.123Z'`, `timestamptz '1999-12-31T23:59:59Z'`, 'null'],
    ['2026-11-23T10:00:00.123Z', '1999-12-31T23:59:59.000Z', null],
  ],
] as const;

const fieldLines = columns
  .map(
    ([name, , type]) =>
      `          - { name: ${name}, data_categories: [user.demographic], gatehouse: { type: ${type}, nullable: true, encryption: { scope: subject, column: ${name}_ct1 } } }`,
  )
  .join('\n');

let f: CryptoFixture;
let crypto: Crypto;
let house: ColumnHouse;
let tenantId: TenantId;

beforeAll(async () => {
  f = await createCryptoFixture();
  crypto = f.make();
  tenantId = await f.db.createTenant();
  await createShop(f.db, ['note text', ...columns.map(([name, sql]) => `${name} ${sql}`)].join(', '));
  const audit = { append: async () => undefined, record: async () => undefined };
  house = createColumnHouse({
    database: f.db.database,
    adminUrl: f.db.adminUrl,
    crypto,
    audit,
    fields: fieldLines,
  });
  for (let row = 0; row < 3; row += 1) {
    const values = columns.map(([, , , plaintexts]) => plaintexts[row] ?? 'null');
    await f.db.admin(
      `insert into shop.person (tenant_id, id, subject_id, ${columns.map(([name]) => name).join(', ')})
       values ('${tenantId}', ${row + 1}, '${randomUUID()}', ${values.join(', ')})`,
    );
  }
}, 60_000);
afterAll(() => f.close());

const read = (field: string): Promise<readonly unknown[]> =>
  f.db.database.withTenant(tenantId, async (tx) => {
    const collection = (await house.dataMap.forTenant(tx)).collection('shop.person');
    if (collection === null) throw new Error('the map has it');
    const { rows } = await tx.run({ sql: 'select * from shop.person order by id', parameters: [] });
    const opened = await crypto.openRows(tx, encryptionPlan(collection), rows, [field]);
    return opened.map((row) => row[field]);
  });

test.each(columns)(
  'a column "%s" of type %s is encrypted and reads as before, to the last digit',
  async (name, _sqlType, _type, _plaintexts, expected) => {
    const field = `shop.person.${name}`;
    const { remarks } = await house.administration.plan(field);
    expect(remarks.filter(({ blocks }) => blocks === 'start')).toEqual([]);
    await house.administration.start(field);
    const { id } = await house.migrationOf(tenantId, name);
    expect(await house.columns.backfill(tenantId, id, { actor: engineer, batchSize: 2 })).toMatchObject({
      state: 'backfilled',
      sealed: 2,
      refused: [],
    });
    expect(await house.columns.verify(tenantId, id, { actor: engineer, batchSize: 2 })).toMatchObject({
      state: 'verified',
      checked: 2,
      differing: 0,
    });
    await f.db.database.withTenant(tenantId, (tx) => house.columns.cutOver(tx, id, engineer));
    const found = await read(name);
    expect(found.map((value) => (value instanceof Date ? value.toISOString() : value))).toEqual(expected);
    const { rows } = await f.db.admin(`select ${name}_ct1 as sealed from shop.person order by id`);
    expect((rows as { sealed: Buffer | null }[]).map(({ sealed }) => sealed !== null)).toEqual([
      true,
      true,
      false,
    ]);
  },
  30_000,
);

test('a number that changes after the cut-over was taken back is sealed anew before it is called verified', async () => {
  const { id } = await house.migrationOf(tenantId, 'age');
  await f.db.database.withTenant(tenantId, (tx) => house.columns.revert(tx, id, engineer));
  await f.db.admin('update shop.person set age = 43 where id = 1');
  const { rows } = await f.db.admin('select age_ct1 from shop.person where id = 1');
  expect(rows).toEqual([{ age_ct1: null }]);
  const checked = await house.columns.verify(tenantId, id, { actor: engineer, batchSize: 2 });
  expect(checked).toMatchObject({ state: 'verified', differing: 0 });
  await f.db.database.withTenant(tenantId, (tx) => house.columns.cutOver(tx, id, engineer));
  expect(await read('age')).toEqual([43, -1, null]);
});
