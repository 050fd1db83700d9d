import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { encryptionPlan, loadDataMap, type DataMap } from '../../datamap/index.ts';
import type { Dsr } from '../../dsr/index.ts';
import { marketingServices } from '../../examples/marketing/data-map.ts';
import type { TenantId } from '../../kernel/index.ts';
import { createDsrFixture, type DsrFixture } from './dsr-fixture.ts';

const examples = join(import.meta.dirname, '../../examples/marketing');
const firstName = 'gatehouse: { encryption: { scope: subject }, mask: partial }';
const indexed = `gatehouse:
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
const columns = ['first_name_2', 'first_name_4', 'born', 'born_month'];

/** The contacts with prefix and range indexes; `fields` keeps the row and empties it field by field. */
function mapWith(erasure: 'delete' | 'fields'): DataMap {
  return loadDataMap(
    marketingServices.map((service) => {
      const yaml = readFileSync(join(examples, service, 'datamap.yaml'), 'utf8');
      return {
        name: `${service}/datamap.yaml`,
        yaml:
          service === 'contacts'
            ? yaml
                .replace(firstName, indexed)
                .replace('erasure: { action: delete }', `erasure: { action: ${erasure} }`)
                .replaceAll(/nullable: false(?!, exportable)/g, 'nullable: true')
            : yaml,
      };
    }),
  );
}

let f: DsrFixture;
beforeAll(async () => {
  f = await createDsrFixture();
  for (const column of columns)
    await f.db.admin(`alter table marketing_contacts.contact add column ${column} bytea`);
  const { rows } = await f.db.admin(
    `select column_name as name from information_schema.columns where table_schema = 'marketing_contacts' and table_name = 'contact'
     and is_nullable = 'NO' and column_name not in ('tenant_id', 'id', 'subject_id')`,
  );
  for (const { name } of rows as { name: string }[])
    await f.db.admin(`alter table marketing_contacts.contact alter column ${name} drop not null`);
}, 60_000);
afterAll(() => f.close());

/** Two people of a tenant get a first name and a day of birth; one of them is to be erased. */
async function prepare(
  slug: string,
  map: DataMap,
): Promise<{ tenantId: TenantId; gone: { id: string; email: string }; stays: { id: string } }> {
  const tenantId = await f.createTenant(slug, 12);
  const collection = map.collection('contacts.contact');
  if (collection === null) throw new Error('the example maps it');
  const [gone, stays] = await f.contacts(tenantId);
  if (gone === undefined || stays === undefined) throw new Error('there are twelve');
  await f.db.database.withTenant(tenantId, async (tx) => {
    for (const { id, subjectId } of [gone, stays]) {
      const row = { id, subject_id: subjectId, first_name: 'Adelaide', born: '1987-06-05' };
      const sealed = await f.crypto.sealFields(tx, encryptionPlan(collection), row);
      const names = ['first_name', ...columns];
      await tx.run({
        sql: `update marketing_contacts.contact set ${names.map((name, at) => `${name} = $${at + 2}`).join(', ')} where id = $1`,
        parameters: [id, ...names.map((name) => sealed[name])],
      });
    }
  });
  return { tenantId, gone, stays };
}

async function erase(tenantId: TenantId, email: string, dsr: Dsr): Promise<unknown> {
  const dana = f.staff(tenantId, 'Dana');
  const body = { type: 'erasure', law: 'gdpr', email, identity: { method: 'letter' } };
  const { id } = (await f.call('createDsrRequest', { principal: dana, body }, dsr)).body as { id: string };
  const planned = await f.call('planDsrRequest', { principal: dana, params: { id } }, dsr);
  const { hash } = (planned.body as { plan: { hash: string } }).plan;
  const robin = f.staff(tenantId, 'Robin');
  await f.call('approveDsrPlan', { principal: robin, params: { id }, body: { planHash: hash } }, dsr);
  return (await f.call('executeDsrRequest', { principal: dana, params: { id } }, dsr)).body;
}

test.each(['delete', 'fields'] as const)(
  'an erasure that goes by "%s" leaves no prefix and no range value of the person',
  async (erasure) => {
    const map = mapWith(erasure);
    const { tenantId, gone, stays } = await prepare(`columns-${erasure}`, map);
    const done = await erase(tenantId, gone.email, f.makeDsr({ dataMap: map }));
    expect(done).toMatchObject({ state: 'completed', absence: { state: 'clean', findings: [] } });
    const { rows } = await f.db.admin(
      `select id, first_name_2, first_name_4, born_month from marketing_contacts.contact where id = any($1) order by id = $2 desc`,
      [[gone.id, stays.id], gone.id],
    );
    const left = rows as readonly {
      id: string;
      first_name_2: unknown;
      first_name_4: unknown;
      born_month: unknown;
    }[];
    const kept = left.find(({ id }) => id === stays.id);
    expect([kept?.first_name_2, kept?.first_name_4, kept?.born_month]).not.toContain(null);
    const own = left.find(({ id }) => id === gone.id);
    if (erasure === 'delete') expect(own).toBeUndefined();
    else expect([own?.first_name_2, own?.first_name_4, own?.born_month]).toEqual([null, null, null]);
  },
  60_000,
);
