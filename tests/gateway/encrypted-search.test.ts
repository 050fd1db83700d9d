import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { encryptionPlan, loadDataMap } from '../../datamap/index.ts';
import { marketingServices } from '../../examples/marketing/data-map.ts';
import {
  parseSubjectId,
  systemRandomBytes,
  uuidv7,
  type Principal,
  type TenantId,
} from '../../kernel/index.ts';
import { call, itemsOf, openHouse, type Answer, type TestHouse } from './house.ts';

const examples = join(import.meta.dirname, '../../examples/marketing');
const file = join(examples, 'contacts/datamap.yaml');
const firstName = 'gatehouse: { encryption: { scope: subject }, mask: partial }';
const prefixes = `gatehouse:
              mask: partial
              encryption:
                scope: subject
                indexes:
                  - { name: start2, kind: prefix, length: 2, column: first_name_2 }
                  - { name: start4, kind: prefix, length: 4, column: first_name_4, bits: 32 }
          - name: born
            data_categories: [user.demographic.date_of_birth]
            gatehouse:
              type: date
              encryption:
                scope: subject
                indexes:
                  - { name: month, kind: range, column: born_month, buckets: { from: 1930-01-01, to: 2015-12-31, unit: month } }`;
const text = readFileSync(file, 'utf8').replace(firstName, prefixes);
const withMap = (yaml: string) =>
  loadDataMap(
    marketingServices.map((service) => ({
      name: `${service}/datamap.yaml`,
      yaml: service === 'contacts' ? yaml : readFileSync(join(examples, service, 'datamap.yaml'), 'utf8'),
    })),
  );
const people = 400;
const names = ['Ada', 'Adam', 'Adele', 'Bo', 'Élodie', 'ŻANETA', 'Zofia', 'adrienne'];
let house: TestHouse;
let tenantId: TenantId;
let dpo: Principal;
let made: readonly {
  readonly id: string;
  readonly subject_id: string;
  readonly first_name: string;
  readonly born: string;
  readonly email: string;
}[];

const collection = () => {
  const found = house.dataMap.builtIn.collection('contacts.contact');
  if (found === null) throw new Error('the example maps it');
  return found;
};
const list = (query: Record<string, string>): Promise<Answer> =>
  call(house.gateway, 'listRecords', dpo, {
    params: { service: 'contacts', collection: 'contact' },
    purpose: 'marketing',
    query,
  });
const idsOf = async (query: Record<string, string>): Promise<readonly unknown[]> => {
  const found: unknown[] = [];
  for (let cursor: unknown = undefined; ;) {
    const answer = await list({
      limit: '90',
      fields: 'id',
      ...query,
      ...(typeof cursor === 'string' ? { cursor } : {}),
    });
    found.push(...itemsOf(answer).map(({ id }) => id));
    cursor = answer.body['nextCursor'];
    if (cursor === null) return found.toSorted();
  }
};
const expected = (test: (one: (typeof made)[number]) => boolean): readonly string[] =>
  made
    .filter(test)
    .map(({ id }) => id)
    .toSorted();

beforeAll(async () => {
  house = await openHouse({ map: withMap(text) });
  await house.db.admin(
    'alter table marketing_contacts.contact add column first_name_2 bytea, add column first_name_4 bytea, add column born bytea, add column born_month bytea',
  );
  for (const column of ['first_name_2', 'first_name_4', 'born_month'])
    await house.db.admin(`create index on marketing_contacts.contact (tenant_id, ${column})`);
  tenantId = await house.tenant();
  dpo = house.principal(tenantId, 'dpo');
  made = Array.from({ length: people }, (_, at) => ({
    ...{ id: uuidv7(Date.now(), systemRandomBytes), subject_id: uuidv7(Date.now(), systemRandomBytes) },
    first_name: `${names[at % names.length]}${at % 3 === 0 ? '' : ` ${at}`}`,
    born: new Date(Date.UTC(1940 + (at % 70), at % 12, 1 + (at % 28))).toISOString().slice(0, 10),
    email: `p${at}@example.com`,
  }));
  const rows = made.map((one) => ({
    ...one,
    tenant_id: tenantId,
    region: 'emea',
    country: 'PL',
    lifecycle: 'lead',
    restricted: false,
  }));
  const sealed = await house.db.database.withTenant(tenantId, (tx) =>
    house.crypto.sealRows(tx, encryptionPlan(collection()), rows),
  );
  const records = sealed.map((row) =>
    Object.fromEntries(
      Object.entries({ ...row, created_at: new Date(), updated_at: new Date() }).map(([name, value]) => [
        name,
        Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : value,
      ]),
    ),
  );
  await house.db.admin(
    'insert into marketing_contacts.contact select * from jsonb_populate_recordset(null::marketing_contacts.contact, $1)',
    [JSON.stringify(records)],
  );
  await house.db.admin('analyze marketing_contacts.contact');
}, 60_000);
afterAll(() => house.close());

describe('a prefix of an encrypted field', () => {
  test.each(['ad', 'AD', 'ada', 'adel', 'adele 1', 'żan', 'él', 'zo'])(
    '"%s" finds exactly the rows that begin so',
    async (prefix) => {
      const starts = (name: string): boolean => name.toLowerCase().startsWith(prefix.toLowerCase());
      expect(await idsOf({ 'filter[first_name][prefix]': prefix })).toEqual(
        expected((one) => starts(one.first_name)),
      );
    },
  );

  test('that is shorter than every indexed one is refused with the length that is needed', async () => {
    expect(await list({ 'filter[first_name][prefix]': 'a' })).toMatchObject({
      status: 400,
      code: 'ERR_GATEWAY_FILTER',
      message: 'a prefix of "first_name" needs at least 2 characters; give a longer one',
    });
  });
});

describe('a range of an encrypted field', () => {
  test.each([
    { 'filter[born][gte]': '1980-05-10' },
    { 'filter[born][lt]': '1955-03-02' },
    { 'filter[born][gt]': '1960-01-01', 'filter[born][lte]': '1961-12-31' },
    { 'filter[born][gte]': '2020-01-01' },
  ])('%j finds exactly the rows between the bounds, not their whole buckets', async (query) => {
    const bounds = Object.entries(query).map(([key, bound]) => [/\[(\w+)\]$/.exec(key)?.[1], bound] as const);
    const within = ({ born }: { readonly born: string }): boolean =>
      bounds.every(([operator, bound]) =>
        operator === 'gte'
          ? born >= bound
          : operator === 'gt'
            ? born > bound
            : operator === 'lt'
              ? born < bound
              : born <= bound,
      );
    expect(await idsOf(query)).toEqual(expected(within));
  });
});

test('both go through the index of their column', async () => {
  // Another tenant's rows, so that reading the whole table is no longer the shorter way.
  await house.db.admin(
    `insert into marketing_contacts.contact (tenant_id, id, subject_id, email, first_name_4, born_month, region, country)
     select $1::uuid, gen_random_uuid(), gen_random_uuid(), 'x', sha256(n::text::bytea), sha256((n % 500)::text::bytea), 'emea', 'PL'
     from generate_series(1, 20000) n`,
    [await house.db.createTenant()],
  );
  await house.db.admin('analyze marketing_contacts.contact');
  const plan = encryptionPlan(collection());
  await house.db.database.withTenant(tenantId, async (tx) => {
    for (const [column, terms] of [
      ['first_name_4', await house.crypto.indexTerms(tx, plan, 'first_name', 'start4', 'Adele')],
      [
        'born_month',
        await house.crypto.rangeTerms(tx, plan, 'born', 'month', { from: '1980-05-10', to: '1980-06-20' }),
      ],
    ] as const) {
      const { rows } = await tx.run<{ 'QUERY PLAN': string }>({
        sql: `explain select id from marketing_contacts.contact where tenant_id = $1 and ${column} = any($2)`,
        parameters: [tenantId, terms],
      });
      const explained = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(explained).toContain(`contact_tenant_id_${column}_idx`);
      expect(explained).not.toContain('Seq Scan');
    }
  });
});

test('an index goes on finding through the gateway while it is rotated', async () => {
  const actor = { kind: 'system', id: 'test', displayName: 'test' } as const;
  const wanted = expected((one) => one.first_name.toLowerCase().startsWith('adel'));
  const target = { collection: 'contacts.contact', field: 'first_name', index: 'start4' };
  const job = await house.crypto.jobs.rotateIndex(tenantId, target, actor);
  let isDone = false;
  const rotating = house.crypto.jobs.wait(tenantId, job).finally(() => (isDone = true));
  let asked = 0;
  while (!isDone) {
    expect(await idsOf({ 'filter[first_name][prefix]': 'adel' })).toEqual(wanted);
    asked += 1;
    await sleep(5);
  }
  expect(await rotating).toMatchObject({ state: 'done' });
  expect(asked).toBeGreaterThan(3);
  await sleep(100);
  expect(await idsOf({ 'filter[first_name][prefix]': 'adel' })).toEqual(wanted);
}, 60_000);

test('an erased person is found by no index, and their rows hold no index value after the next rotation', async () => {
  const [gone] = made;
  const subject = parseSubjectId(gone?.subject_id ?? '');
  const why = {
    requestId: 'r-1',
    reason: 'gdpr.17.1.a',
    actor: { kind: 'system', id: 'dsr', displayName: 'dsr' },
  } as const;
  await house.db.database.withTenant(tenantId, (tx) => house.crypto.shred(tx, [subject], why));
  expect(await idsOf({ 'filter[first_name][prefix]': 'ad' })).not.toContain(gone?.id);
  expect(await idsOf({ 'filter[born][gte]': '1931-01-01' })).not.toContain(gone?.id);
});

describe('a data map', () => {
  const broken = (from: string, to: string) => () => withMap(text.replace(from, to));
  test.each([
    ['a prefix without a length', 'length: 2, ', '', /first_name.*needs a length/],
    ['a range over text', 'type: date', 'type: text', /born.*buckets of days/],
    ['too many buckets', 'unit: month', 'unit: day', /born.*1 to 5000 buckets/],
    [
      'a unique index that is cut',
      'column: first_name_4, bits: 32',
      'column: first_name_4, bits: 32, unique: true',
      /first_name.*unique/,
    ],
  ])('with %s is refused, naming the place', (_, from, to, problem) => {
    expect(broken(from, to)).toThrow(problem);
    expect(broken(from, to)).toThrow(/contacts\/datamap\.yaml/);
  });
});
