import type pg from 'pg';
import { loadDataMap, type DataMap } from '../datamap/index.ts';
import type { TenantId } from '../kernel/index.ts';

const schema = 'bench_wide';
/** With the seven tables of the marketing services there are 33. */
const wideTables: readonly string[] = Object.freeze(
  Array.from({ length: 26 }, (_, at) => `t${String(at + 1).padStart(2, '0')}`),
);
const rowsPerPerson = 2;
const strangersPerTable = 20_000;

/** Tables of the wide service, qualified. */
export const wideTableNames: readonly string[] = wideTables.map((table) => `${schema}.${table}`);

/** A service of 26 tables that each hold two rows of every person looked at. */
export function wideDataMap(): DataMap {
  const collections = wideTables.map(
    (table) => `
      - name: ${table}
        gatehouse: { subject: { field: subject_id }, erasure: { action: delete } }
        fields:
          - { name: id, data_categories: [system.operations], fides_meta: { primary_key: true }, gatehouse: { type: uuid } }
          - { name: subject_id, data_categories: [user.unique_id.pseudonymous], gatehouse: { type: uuid, nullable: false } }
          - { name: note, data_categories: [user.content], gatehouse: { type: text } }`,
  );
  const yaml = `dataset:
  - fides_key: wide
    name: Wide
    description: Tables of the bench.
    gatehouse:
      kind: postgres
      schema: ${schema}
      region: eu
      purposes: [{ key: support, name: Support, legal_basis: contract }]
    collections:${collections.join('')}
`;
  return loadDataMap([{ name: 'bench', yaml }]);
}

/** Makes the tables like every tenant table of the house and fills them. */
export async function fillWideTables(
  admin: pg.Pool,
  tenantId: TenantId,
  people: readonly { readonly subject_id: string }[],
): Promise<void> {
  await admin.query(`create schema ${schema}; grant usage on schema ${schema} to gatehouse_app`);
  for (const name of wideTableNames) {
    await admin.query(`
      create table ${name} (tenant_id uuid not null, id uuid not null, subject_id uuid not null, note text, primary key (tenant_id, id));
      create index on ${name} (tenant_id, subject_id);
      call db.protect_tenant_table('${name}');
      grant select, insert, update, delete on ${name} to gatehouse_app`);
    await admin.query(
      `insert into ${name} select $1, gen_random_uuid(), subject, 'a note of some length about somebody'
       from unnest($2::uuid[]) as subject cross join generate_series(1, ${rowsPerPerson})`,
      [tenantId, people.map((one) => one.subject_id)],
    );
    await admin.query(
      `insert into ${name} select $1, gen_random_uuid(), gen_random_uuid(), 'a note of some length about somebody'
       from generate_series(1, ${strangersPerTable})`,
      [tenantId],
    );
  }
}
