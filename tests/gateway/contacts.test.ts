import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { generateMarketingData } from '../../examples/marketing/generate.ts';
import type { Principal, TenantId } from '../../kernel/index.ts';
import { call, itemsOf, openHouse, type Answer, type CallInput, type TestHouse } from './house.ts';

const people = 300;
let house: TestHouse;
let tenantId: TenantId;
let marketer: Principal;
let dpo: Principal;
/** Everything, as the DPO reads it: what filters are compared with. */
let all: readonly Readonly<Record<string, unknown>>[];

const contacts = { params: { service: 'contacts', collection: 'contact' }, purpose: 'marketing' };
const list = (principal: Principal, query: CallInput['query'], purpose = 'marketing'): Promise<Answer> =>
  call(house.gateway, 'listRecords', principal, { ...contacts, query: query ?? {}, purpose });

async function listAll(
  principal: Principal,
  query: Record<string, unknown>,
  purpose?: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const found: Readonly<Record<string, unknown>>[] = [];
  for (let cursor: unknown = undefined; ;) {
    const answer = await list(
      principal,
      { limit: '97', ...query, ...(cursor === undefined ? {} : { cursor }) },
      purpose,
    );
    found.push(...itemsOf(answer));
    cursor = answer.body['nextCursor'];
    if (cursor === null) return found;
  }
}

beforeAll(async () => {
  house = await openHouse();
  tenantId = await house.tenant();
  marketer = house.principal(tenantId, 'marketer');
  dpo = house.principal(tenantId, 'dpo');
  const { database } = house.db;
  const { created } = await generateMarketingData({
    database,
    crypto: house.crypto,
    tenantId,
    contacts: people,
    seed: 'story',
  });
  expect(created).toBe(people);
  all = await listAll(dpo, {}, 'compliance');
}, 60_000);
afterAll(() => house.close());

describe('what rests in the tables', () => {
  test('no personal value of any contact stands in clear in any marketing table', async () => {
    const { rows } = await house.db.admin(`
      select (select string_agg(c::text, ' ') from marketing_contacts.contact c)
        || (select string_agg(c::text, ' ') from marketing_contacts.consent c)
        || (select string_agg(e::text, ' ') from marketing_engagement.event e)
        || (select string_agg(i::text, ' ') from marketing_campaigns.invoice i) as dump`);
    const dump = (rows[0] as { dump: string }).dump;
    expect(dump.length).toBeGreaterThan(100_000);
    for (const contact of all) {
      for (const field of ['email', 'phone', 'last_name', 'city']) {
        const value = contact[field];
        if (typeof value !== 'string') continue;
        expect(dump).not.toContain(value);
        expect(dump).not.toContain(Buffer.from(value).toString('hex'));
      }
    }
    expect(dump).not.toContain('192.0.2.');
  });

  test('a ciphertext moved to another row does not open', async () => {
    const other = await house.tenant();
    const principal = house.principal(other, 'dpo');
    await generateMarketingData({
      database: house.db.database,
      crypto: house.crypto,
      tenantId: other,
      contacts: 2,
      seed: 'two',
    });
    await house.db.admin(
      `update marketing_contacts.contact a set email = b.email from marketing_contacts.contact b
       where a.tenant_id = $1 and b.tenant_id = $1 and a.id < b.id`,
      [other],
    );
    const answer = await list(principal, {}, 'compliance');
    expect(answer.code).toBe('ERR_CRYPTO_DECRYPT');
    expect(answer.body).toEqual({});
  });
});

describe('rows and masks by role', () => {
  test('the DPO sees every row in clear', () => {
    expect(all).toHaveLength(people);
    expect(all.every(({ email }) => /^[a-z.]+\d+@[a-z.]+$/.test(String(email)))).toBe(true);
  });

  test('a marketer sees the rows of the own region, address and number masked', async () => {
    const mine = await listAll(marketer, {});
    const expected = all.filter(({ region }) => region === 'emea');
    expect(mine.map(({ id }) => id).toSorted()).toEqual(expected.map(({ id }) => id).toSorted());
    for (const contact of mine) {
      const clear = expected.find(({ id }) => id === contact['id']) ?? {};
      expect(contact['first_name']).toBe(clear['first_name']);
      expect(contact['email']).toMatch(/^[a-z]\*\*\*@\*\*\*\.[a-z]+$/);
      expect(contact['phone']).toEqual(
        clear['phone'] === null ? null : `***${String(clear['phone']).slice(-2)}`,
      );
      expect(contact).not.toHaveProperty('subject_id');
    }
    const { body } = await list(marketer, {});
    expect(body['masked']).toEqual(['email', 'phone']);
  });

  test('the purpose of support uncovers them', async () => {
    const mine = await listAll(marketer, {}, 'support');
    expect(mine.length).toBeGreaterThan(0);
    expect(
      mine.every(({ id, email }) => all.some((clear) => clear['id'] === id && clear['email'] === email)),
    ).toBe(true);
  });

  test('an engineer sees rows without persons, an admin and an auditor nothing', async () => {
    const engineer = await list(house.principal(tenantId, 'platform_engineer'), {});
    expect(Object.keys(itemsOf(engineer)[0] ?? {}).toSorted()).toEqual([
      'created_at',
      'id',
      'lifecycle',
      'region',
      'restricted',
      'updated_at',
    ]);
    for (const role of ['security_admin', 'auditor']) {
      expect(await list(house.principal(tenantId, role), {})).toMatchObject({
        status: 403,
        code: 'ERR_GATEWAY_DENIED',
      });
    }
  });

  test('a hidden or masked field can be neither asked for, filtered nor sorted by', async () => {
    const hidden = { status: 403, code: 'ERR_GATEWAY_FIELD_FORBIDDEN' };
    expect(await list(marketer, { fields: 'id,subject_id' })).toMatchObject(hidden);
    expect(await list(marketer, { 'filter[email]': 'anna@example.com' })).toMatchObject(hidden);
    expect(await list(marketer, { 'filter[subject_id]': tenantId })).toMatchObject(hidden);
    expect(await list(marketer, { sort: 'subject_id' })).toMatchObject(hidden);
  });

  test('reading people without a purpose, or for one the map does not know, is refused', async () => {
    const withoutPurpose = await call(house.gateway, 'listRecords', dpo, { params: contacts.params });
    expect(withoutPurpose).toMatchObject({ status: 403, code: 'ERR_GATEWAY_DENIED' });
    expect(await list(dpo, {}, 'curiosity')).toMatchObject({ status: 400, code: 'ERR_GATEWAY_PURPOSE' });
  });
});

describe('filters give what the same filter gives in memory', () => {
  const first = (field: string): string => String(all.find((contact) => contact[field] !== null)?.[field]);
  const cases: readonly (readonly [
    string,
    () => Record<string, unknown>,
    (contact: Readonly<Record<string, unknown>>) => boolean,
  ])[] = [
    ['equality', () => ({ 'filter[region]': 'apac' }), (contact) => contact['region'] === 'apac'],
    ['inequality', () => ({ 'filter[lifecycle][ne]': 'lead' }), (contact) => contact['lifecycle'] !== 'lead'],
    [
      'one of',
      () => ({ 'filter[country][in]': 'PL,DE' }),
      (contact) => ['PL', 'DE'].includes(String(contact['country'])),
    ],
    [
      'prefix',
      () => ({ 'filter[lifecycle][prefix]': 'c' }),
      (contact) => String(contact['lifecycle']).startsWith('c'),
    ],
    [
      'after',
      () => ({ 'filter[created_at][gt]': '2025-06-01T00:00:00Z' }),
      (contact) => String(contact['created_at']) > '2025-06-01T00:00:00.000Z',
    ],
    [
      'two at once',
      () => ({ 'filter[region]': 'emea', 'filter[lifecycle]': 'customer' }),
      (contact) => contact['region'] === 'emea' && contact['lifecycle'] === 'customer',
    ],
    [
      'an encrypted address',
      () => ({ 'filter[email]': first('email').toUpperCase() }),
      (contact) => contact['email'] === first('email'),
    ],
    [
      'one of two encrypted numbers',
      () => ({ 'filter[phone][in]': `${first('phone')},+48000000000` }),
      (contact) => contact['phone'] === first('phone'),
    ],
    [
      'the domain of an encrypted address',
      () => ({ 'filter[email][domain]': 'example.com' }),
      (contact) => String(contact['email']).endsWith('@example.com'),
    ],
    ['nothing that matches', () => ({ 'filter[email]': 'nobody@example.com' }), () => false],
  ];
  test.each(cases)('%s', async (_name, query, matches) => {
    const found = await listAll(dpo, query(), 'compliance');
    expect(found.map(({ id }) => id)).toEqual(all.filter(matches).map(({ id }) => id));
  });

  test.each(['created_at', '-created_at', 'country', '-lifecycle', 'owner_id', '-id'])(
    'pages sorted by %s hold every row once, in order',
    async (sort) => {
      const found = await listAll(dpo, { sort, limit: '41' }, 'compliance');
      expect(new Set(found.map(({ id }) => id)).size).toBe(people);
      const name = sort.replace('-', '');
      const keys = found.map((contact) => `${String(contact[name])} ${String(contact['id'])}`);
      expect(keys).toEqual(sort.startsWith('-') ? keys.toSorted().toReversed() : keys.toSorted());
    },
  );

  test.each([
    ['filter[nope]', { 'filter[nope]': 'x' }, 'ERR_GATEWAY_UNKNOWN_FIELD', /"nope"/],
    ['a filter on __proto__', { 'filter[__proto__]': 'x' }, 'ERR_GATEWAY_UNKNOWN_FIELD', /"__proto__"/],
    ['an unknown parameter', { regoin: 'emea' }, 'ERR_GATEWAY_FILTER', /"regoin"/],
    ['an unknown operator', { 'filter[region][like]': 'x' }, 'ERR_GATEWAY_FILTER', /"region".*"like"/],
    [
      'an order on ciphertext',
      { 'filter[email][gt]': 'a' },
      'ERR_GATEWAY_FILTER',
      /"email" takes these filters: eq, in, domain/,
    ],
    [
      'a wrong type',
      { 'filter[created_at][gt]': 'yesterday' },
      'ERR_GATEWAY_VALUE',
      /"created_at" must be an RFC 3339 time/,
    ],
    ['sort by an unknown field', { sort: 'nope' }, 'ERR_GATEWAY_UNKNOWN_FIELD', /"nope"/],
    ['sort by ciphertext', { sort: 'email' }, 'ERR_GATEWAY_SORT', /"email"/],
    ['an unknown field', { fields: 'id,nope' }, 'ERR_GATEWAY_UNKNOWN_FIELD', /"nope"/],
    ['a damaged cursor', { cursor: 'e30' }, 'ERR_GATEWAY_CURSOR', /cursor/],
    ['a limit out of range', { limit: '201' }, 'ERR_GATEWAY_FILTER', /limit/],
  ])('%s is refused and named', async (_name, query, code, message) => {
    const answer = await list(dpo, query, 'compliance');
    expect(answer).toMatchObject({ status: 400, code });
    expect(answer.message).toMatch(message);
  });

  test('a cursor of another list is refused', async () => {
    const { body } = await list(dpo, { limit: '1' }, 'compliance');
    expect(await list(dpo, { cursor: body['nextCursor'], sort: 'country' }, 'compliance')).toMatchObject({
      code: 'ERR_GATEWAY_CURSOR',
    });
  });
});

describe('the other collections', () => {
  test('an invoice shows its totals to a marketer and its billing to the DPO only', async () => {
    const invoices = { params: { service: 'campaigns', collection: 'invoice' } };
    const seen = itemsOf(
      await call(house.gateway, 'listRecords', marketer, { ...invoices, purpose: 'marketing' }),
    );
    expect(Object.keys(seen[0] ?? {})).toEqual([
      'id',
      'contact_id',
      'number',
      'total',
      'currency',
      'issued_at',
    ]);
    const full = itemsOf(
      await call(house.gateway, 'listRecords', dpo, { ...invoices, purpose: 'compliance' }),
    );
    expect(full[0]).toMatchObject({
      billing_name: expect.stringMatching(/ /),
      total: expect.stringMatching(/^\d+\.\d\d$/),
    });
  });

  test('an event opens its address for the DPO', async () => {
    const events = itemsOf(
      await call(house.gateway, 'listRecords', dpo, {
        params: { service: 'engagement', collection: 'event' },
        purpose: 'compliance',
      }),
    );
    expect(events[0]?.['ip']).toMatch(/^(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+$/);
  });

  test('what is not mapped is not there', async () => {
    const answer = await call(house.gateway, 'listRecords', dpo, {
      params: { service: 'audit', collection: 'leaf' },
      purpose: 'compliance',
    });
    expect(answer).toMatchObject({ status: 404, code: 'ERR_GATEWAY_UNKNOWN_COLLECTION' });
  });
});
