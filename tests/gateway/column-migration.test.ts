import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  createColumnAdministration,
  createColumnMigrations,
  type ColumnAdministration,
  type ColumnMigrations,
} from '../../crypto/index.ts';
import { loadChinook } from '../../examples/chinook/load.ts';
import { systemClock, systemRandomBytes, uuidv7, type Principal, type TenantId } from '../../kernel/index.ts';
import { createColumnTargets } from '../../server/index.ts';
import { engineer } from '../support/column-house.ts';
import { describeUnless } from '../support/skip.ts';
import { missingVectors, vectorsFolder } from '../support/vectors.ts';
import { call, itemsOf, openHouse, type TestHouse } from './house.ts';

const missing = missingVectors('chinook/Chinook_PostgreSql.sql');
const script =
  missing === null ? readFileSync(join(vectorsFolder, 'chinook', 'Chinook_PostgreSql.sql'), 'utf8') : '';
const field = 'chinook.customer.phone';
const newId = (): string => uuidv7(Date.now(), systemRandomBytes);

describeUnless(missing, 'encrypting the phone column of Chinook’s customers while it is used', () => {
  let house: TestHouse;
  let tenantId: TenantId;
  let columns: ColumnMigrations;
  let administration: ColumnAdministration;
  let shopkeeper: Principal;

  beforeAll(async () => {
    house = await openHouse({ poolSize: 12 });
    tenantId = await house.tenant();
    const { database, adminUrl } = house.db;
    const common = {
      database,
      announce: house.dataMap.announce,
      targets: createColumnTargets(house.dataMap),
      newId,
    };
    columns = createColumnMigrations({
      ...common,
      crypto: house.crypto,
      audit: () => house.audit,
      clock: systemClock,
    });
    administration = createColumnAdministration({
      ...common,
      adminUrl,
      columns,
      audit: house.audit,
      actor: engineer,
      graceSeconds: 1,
    });
    await loadChinook({
      adminUrl,
      database,
      crypto: house.crypto,
      registry: house.dataMap,
      audit: house.audit,
      newId,
      tenantId,
      script,
    });
    const rules = [{ action: ['read', 'update'], subject: ['chinook.customer'] }];
    await database.withTenant(tenantId, (tx) => house.policy.installRole(tx, 'shopkeeper', rules));
    shopkeeper = house.principal(tenantId, 'shopkeeper');
    await restInPlaintext();
  }, 120_000);
  afterAll(() => house.close());

  /** As the shop was before anybody thought of encrypting: the number is plain text. */
  async function restInPlaintext(): Promise<void> {
    const numbers = (await list()).map((row) => ({ id: row['customer_id'], phone: row['phone'] }));
    await house.db.admin(`begin; set local role gatehouse_owner;
      alter table chinook.customer drop column phone; alter table chinook.customer add column phone_plain text; commit`);
    for (const { id, phone } of numbers)
      await house.db.admin('update chinook.customer set phone_plain = $2 where customer_id = $1', [
        id,
        phone,
      ]);
    const text = await readFile(
      join(import.meta.dirname, '..', '..', 'examples', 'chinook', 'datamap.yaml'),
      'utf8',
    );
    const yaml = text.replace(
      /(name: phone,[^}]*\},\s*gatehouse: )\{ encryption: \{ scope: subject \} \}/,
      '$1{ column: phone_plain, encryption: { scope: subject, column: phone_ct1, indexes: [{ name: exact, kind: exact, normaliser: phone, column: phone_bidx, bits: 128 }] } }',
    );
    expect(yaml).not.toBe(text);
    await house.db.database.withTenant(tenantId, (tx) =>
      house.dataMap.loadService(tx, { name: 'datamap.yaml', yaml, actor: engineer, audit: house.audit }),
    );
  }

  const params = { service: 'chinook', collection: 'customer' };
  const list = async (query: Record<string, string> = {}) =>
    itemsOf(
      await call(house.gateway, 'listRecords', shopkeeper, {
        params,
        query: { limit: '100', ...query },
        purpose: 'support',
      }),
    );
  const numberOf = (id: number, count: number): string => `+48 ${100_000 * id + count}`;

  test('readers see every write of both kinds at once, in every state, by list and by filter', async () => {
    const acknowledged = new Map<number, number>();
    let going = true;
    const problems: unknown[] = [];
    const writer = async (id: number, knows: boolean): Promise<void> => {
      for (let count = 1; going; count += 1) {
        const phone = numberOf(id, count);
        if (knows) {
          const { status, message } = await call(house.gateway, 'updateRecord', shopkeeper, {
            params: { ...params, id: String(id) },
            body: { phone },
            purpose: 'support',
          });
          if (status !== 200) problems.push(message);
        } else
          await house.db.database.withTenant(tenantId, (tx) =>
            tx.run({
              sql: 'update chinook.customer set phone_plain = $1 where customer_id = $2',
              parameters: [phone, id],
            }),
          );
        acknowledged.set(id, count);
        await new Promise((wake) => setTimeout(wake, 3));
      }
    };
    const reader = async (): Promise<number> => {
      let reads = 0;
      for (; going; reads += 1) {
        const before = new Map(acknowledged);
        const rows = await list();
        if (rows.length !== 59) problems.push(`${rows.length} rows`);
        for (const row of rows) {
          const id = Number(row['customer_id']);
          const least = before.get(id);
          const seen = String(row['phone']);
          if (least !== undefined && Number(seen.slice(4)) < 100_000 * id + least)
            problems.push(`customer ${id}: saw ${seen}, ${least} was acknowledged`);
          if (id > 40 && least === undefined && row['phone'] !== first.get(id))
            problems.push(`customer ${id} changed`);
        }
        const [found] = await list({ 'filter[phone]': String(first.get(50)) });
        if (found?.['customer_id'] !== 50) problems.push('customer 50 was not found by number');
      }
      return reads;
    };
    const first = new Map((await list()).map((row) => [Number(row['customer_id']), row['phone']]));
    const busy = [1, 2, 3].map((id) => writer(id, true)).concat([11, 12, 13].map((id) => writer(id, false)));
    const reading = [reader(), reader()];
    const rest = (): Promise<void> => new Promise((wake) => setTimeout(wake, 250));
    const states: string[] = [];
    try {
      await rest();
      await administration.start(field);
      const [{ id } = { id: '' }] = await house.db.database.withTenant(tenantId, (tx) =>
        columns.list(tx, { after: null, limit: 10 }),
      );
      const inTenant = (name: 'cutOver' | 'revert') =>
        house.db.database.withTenant(tenantId, (tx) => columns[name](tx, id, engineer));
      for (let turn = 0; turn < 2; turn += 1) {
        await rest();
        states.push((await columns.backfill(tenantId, id, { actor: engineer, batchSize: 10 })).state);
        await rest();
        states.push((await columns.verify(tenantId, id, { actor: engineer, batchSize: 10 })).state);
        states.push((await inTenant('cutOver')).state);
        await rest();
        if (turn === 0) states.push((await inTenant('revert')).state);
      }
      await columns.sweep(tenantId, engineer);
      await rest();
    } finally {
      going = false;
    }
    await Promise.all(busy);
    const reads = await Promise.all(reading);
    expect(problems).toEqual([]);
    expect(states).toEqual([
      'backfilled',
      'verified',
      'cut_over',
      'backfilled',
      'backfilled',
      'verified',
      'cut_over',
    ]);
    expect(Math.min(...reads, ...acknowledged.values())).toBeGreaterThan(5);
  }, 120_000);

  test('after the drop the gateway reads, filters and writes ciphertext alone', async () => {
    const before = await list();
    const [{ id } = { id: '' }] = await house.db.database.withTenant(tenantId, (tx) =>
      columns.list(tx, { after: null, limit: 10 }),
    );
    await house.db.database.withTenant(tenantId, (tx) =>
      columns.approveDrop(tx, { id, proposalId: 'test', actor: engineer }),
    );
    await administration.drop(field);
    await house.dataMap.current(tenantId);
    expect(await list()).toEqual(before);
    const { rows } = await house.db.admin(
      `select c.*, row_to_json(c)::text as dump from chinook.customer c where customer_id = 50`,
    );
    expect(rows[0]).not.toHaveProperty('phone_plain');
    const phone = '+48 600 700 800';
    const answer = await call(house.gateway, 'updateRecord', shopkeeper, {
      params: { ...params, id: '50' },
      body: { phone },
      purpose: 'support',
    });
    expect(answer).toMatchObject({ status: 200, body: { phone } });
    expect((await list({ 'filter[phone]': '+48600700800' })).map((row) => row['customer_id'])).toEqual([50]);
  }, 60_000);
});
