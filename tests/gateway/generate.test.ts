import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { generateMarketingData } from '../../examples/marketing/generate.ts';
import { createRowMaker } from '../../examples/marketing/make-rows.ts';
import { createSeededRandom } from '../../examples/marketing/random.ts';
import { openHouse, type TestHouse } from './house.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

const now = new Date('2026-11-01T00:00:00Z');
const rowsOf = (seed: string) => {
  const maker = createRowMaker(createSeededRandom(seed), now);
  return maker.people(1, 200, maker.campaigns(6));
};

test('the same seed gives the same people, another seed others', () => {
  expect(rowsOf('a')).toEqual(rowsOf('a'));
  expect(rowsOf('a')).not.toEqual(rowsOf('b'));
});

test('people live in every region, at addresses and numbers that belong to nobody', () => {
  const { contacts } = rowsOf('a');
  expect(new Set(contacts.map((contact) => contact['region']))).toEqual(new Set(['emea', 'amer', 'apac']));
  expect(
    contacts.every((contact) =>
      /@(?:example\.(?:com|org|net)|[a-z]+\.example)$/.test(String(contact['email'])),
    ),
  ).toBe(true);
  expect(
    contacts
      .filter((contact) => contact['country'] === 'US' && contact['phone'] !== null)
      .every((contact) => /^\+1\d{3}55501\d\d$/.test(String(contact['phone']))),
  ).toBe(true);
});

const countRows = async (tenantId: string): Promise<unknown> => {
  const { rows } = await house.db.admin(
    `select count(*)::int as contacts, count(distinct email_bidx)::int as addresses, count(distinct subject_id)::int as people from marketing_contacts.contact where tenant_id = $1`,
    [tenantId],
  );
  return rows[0];
};

test('fills a tenant in batches, reports progress, and does nothing a second time', async () => {
  const tenantId = await house.tenant();
  const { database } = house.db;
  const progress: number[] = [];
  const input = { database, crypto: house.crypto, tenantId, contacts: 2_500, seed: 'batches' };
  const onProgress = ({ created }: { readonly created: number }): void => void progress.push(created);
  expect(await generateMarketingData({ ...input, onProgress })).toEqual({ created: 2_500 });
  expect(progress).toHaveLength(3);
  expect(progress.at(-1)).toBe(2_500);
  expect(progress).toEqual(progress.toSorted((a, b) => a - b));
  expect(await generateMarketingData(input)).toEqual({ created: 0 });
  expect(await countRows(tenantId)).toEqual({ contacts: 2_500, addresses: 2_500, people: 2_500 });
}, 60_000);

test('an interrupted run is finished by the next one, with the same people as a run in one go', async () => {
  const tenantId = await house.tenant();
  const { database } = house.db;
  const input = { database, crypto: house.crypto, tenantId, contacts: 2_500, seed: 'torn' };
  let batches = 0;
  const torn: typeof input.crypto = {
    ...house.crypto,
    sealRows: (tx, plan, rows) => {
      if (plan.collection === 'event' && (batches += 1) > 1) throw new Error('the power went');
      return house.crypto.sealRows(tx, plan, rows);
    },
  };
  await expect(generateMarketingData({ ...input, crypto: torn })).rejects.toThrow('the power went');
  expect(await countRows(tenantId)).toMatchObject({ contacts: 1_000 });
  expect(await generateMarketingData(input)).toEqual({ created: 1_500 });
  expect(await countRows(tenantId)).toEqual({ contacts: 2_500, addresses: 2_500, people: 2_500 });
  const { rows } = await house.db.admin(
    `select (select count(*)::int from marketing_campaigns.campaign where tenant_id = $1) as campaigns,
       (select count(*)::int from marketing_contacts.consent c where tenant_id = $1 and not exists
         (select from marketing_contacts.contact o where o.tenant_id = $1 and o.id = c.contact_id)) as orphans`,
    [tenantId],
  );
  expect(rows[0]).toEqual({ campaigns: 6, orphans: 0 });
}, 60_000);

test('two runs at once make each person once, and a tenant with contacts of its own is left alone', async () => {
  const tenantId = await house.tenant();
  const { database } = house.db;
  const input = { database, crypto: house.crypto, tenantId, contacts: 2_000, seed: 'twice' };
  const both = await Promise.all([generateMarketingData(input), generateMarketingData(input)]);
  expect(both[0].created + both[1].created).toBe(2_000);
  expect(await countRows(tenantId)).toEqual({ contacts: 2_000, addresses: 2_000, people: 2_000 });
  expect(await generateMarketingData({ ...input, seed: 'another' })).toEqual({ created: 0 });
}, 60_000);
