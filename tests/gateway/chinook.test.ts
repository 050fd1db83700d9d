import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findDrift } from '../../datamap/index.ts';
import { checkCatalog } from '../../db/index.ts';
import { loadChinook } from '../../examples/chinook/load.ts';
import { readScript } from '../../examples/chinook/script.ts';
import { systemRandomBytes, uuidv7, type TenantId } from '../../kernel/index.ts';
import { describeUnless } from '../support/skip.ts';
import { missingVectors, vectorsFolder } from '../support/vectors.ts';
import { call, itemsOf, openHouse, type TestHouse } from './house.ts';

const missing = missingVectors('chinook/Chinook_PostgreSql.sql');
const script =
  missing === null ? readFileSync(join(vectorsFolder, 'chinook', 'Chinook_PostgreSql.sql'), 'utf8') : '';

describeUnless(missing, 'the Chinook shop as a service of one tenant', () => {
  let house: TestHouse;
  let tenantId: TenantId;
  const load = (to: TenantId) =>
    loadChinook({
      adminUrl: house.db.adminUrl,
      database: house.db.database,
      crypto: house.crypto,
      registry: house.dataMap,
      audit: house.audit,
      newId: () => uuidv7(Date.now(), systemRandomBytes),
      tenantId: to,
      script,
    });
  beforeAll(async () => {
    house = await openHouse();
    tenantId = await house.tenant();
  });
  afterAll(() => house.close());

  test('loads with every row and joins the tenant’s map, of nobody else', async () => {
    const counts = await load(tenantId);
    expect(counts).toMatchObject({
      customer: 59,
      invoice: 412,
      invoice_line: 2240,
      track: 3503,
      employee: 8,
      playlist_track: 8715,
    });
    expect((await house.dataMap.current(tenantId)).collection('chinook.customer')).not.toBeNull();
    expect((await house.dataMap.current(await house.tenant())).collection('chinook.customer')).toBeNull();
    await expect(load(tenantId)).rejects.toMatchObject({ code: 'ERR_CONFLICT' });
  }, 60_000);

  test('keeps the walls: the catalog breaks no rule, map and tables agree', async () => {
    expect(await checkCatalog(house.db.adminUrl)).toEqual([]);
    const drift = await house.db.database.withTenant(tenantId, async (tx) =>
      findDrift(tx, await house.dataMap.forTenant(tx)),
    );
    expect(drift).toEqual([]);
  });

  test('holds no customer or member of staff in clear', async () => {
    const { rows } = await house.db.admin(
      `select (select string_agg(c::text, '') from chinook.customer c) || (select string_agg(i::text, '') from chinook.invoice i) || (select string_agg(e::text, '') from chinook.employee e) as dump`,
    );
    const { dump } = rows[0] as { dump: string };
    for (const value of [
      'luisg@embraer.com.br',
      'Gonçalves',
      'Theodor-Heuss',
      'andrew@chinookcorp.com',
      'Peacock',
    ]) {
      expect(script).toContain(value);
      expect(dump).not.toContain(value);
      expect(dump).not.toContain(Buffer.from(value).toString('hex'));
    }
  });

  test('is read through the gateway and found by address, with the subjects of its invoices', async () => {
    const rules = [
      { action: 'read', subject: ['chinook.customer', 'chinook.invoice', 'chinook.invoice_line'] },
    ];
    await house.db.database.withTenant(tenantId, (tx) => house.policy.installRole(tx, 'shopkeeper', rules));
    const shopkeeper = house.principal(tenantId, 'shopkeeper');
    const read = async (collection: string, query: Record<string, string>) =>
      itemsOf(
        await call(house.gateway, 'listRecords', shopkeeper, {
          params: { service: 'chinook', collection },
          query,
          purpose: 'support',
        }),
      );
    const [customer] = await read('customer', { 'filter[email]': 'LuisG@Embraer.com.br' });
    expect(customer).toMatchObject({ customer_id: 1, first_name: 'Luís', city: 'São José dos Campos' });
    const invoices = await read('invoice', { 'filter[customer_id]': '1' });
    expect(invoices).toHaveLength(7);
    expect(invoices[0]).toMatchObject({ billing_city: 'São José dos Campos' });
    expect(
      await read('invoice_line', { 'filter[invoice_id]': String(invoices[0]?.['invoice_id']) }),
    ).not.toHaveLength(0);
    await house.audit.flush();
    const page = await house.db.database.withTenant(tenantId, (tx) => house.audit.search(tx, { limit: 10 }));
    const subjects = page.items.map((item) => (item as unknown as { subjects: readonly string[] }).subjects);
    expect(subjects.slice(0, 3)).toEqual([
      [customer?.['subject_id']],
      [customer?.['subject_id']],
      [customer?.['subject_id']],
    ]);
  });
});

describe('the script', () => {
  test.each([
    ['a function call', `INSERT INTO artist (artist_id, name) VALUES\n (1, pg_read_file('x'));`],
    [
      'a second row that is no literal',
      `INSERT INTO artist (artist_id, name) VALUES\n (1, N'a'),\n ((select 1), N'b');`,
    ],
    ['another table', `INSERT INTO pg_authid (rolname) VALUES (N'x');`],
    ['another statement', `CREATE ROLE x SUPERUSER;`],
    ['a default that calls', `CREATE TABLE artist (artist_id INT DEFAULT pg_sleep(9));;SELECT 1;`],
    ['a statement that does not end', `INSERT INTO artist (artist_id) VALUES (1)`],
  ])('with %s is refused before anything runs', (_what, text) => {
    expect(() => readScript(text)).toThrow(/script/);
  });

  test('may hold semicolons, quotes and comments inside its literals', () => {
    const text = `/* ; */ INSERT INTO artist (artist_id, name) VALUES\n    (1, N'Guns; N'' Roses -- /*'); -- end\n`;
    expect(readScript(text).map(({ table }) => table)).toEqual(['artist']);
  });
});
