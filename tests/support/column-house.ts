import { randomUUID } from 'node:crypto';
import {
  createColumnAdministration,
  createColumnMigrations,
  readColumnPhases,
  type ColumnAdministration,
  type ColumnMigrations,
  type Crypto,
  type StoredMigration,
} from '../../crypto/index.ts';
import { createDataMapRegistry, loadDataMap, type DataMapRegistry } from '../../datamap/index.ts';
import { systemClock, systemRandomBytes, uuidv7, type AuditSink, type TenantId } from '../../kernel/index.ts';
import type { Database, Tx } from '../../db/index.ts';
import { createColumnTargets } from '../../server/index.ts';
import type { TestDatabase } from './database.ts';

/** Who acts in tests of column migrations. */
export const engineer = { kind: 'system', id: 'test', displayName: 'Test' } as const;
/** The field whose column is encrypted. */
export const noteField = 'shop.person.note';

/** Column migrations over a small shop whose table is shared by all tenants. */
export type ColumnHouse = {
  readonly columns: ColumnMigrations;
  readonly dataMap: DataMapRegistry;
  readonly administration: ColumnAdministration;
  readonly migrationOf: (tenantId: TenantId, field?: string) => Promise<StoredMigration>;
  /** The field's plan as a writer of ours has it now. */
  readonly announce: (tx: Tx) => Promise<void>;
};

/** @param deps - `fields` are YAML lines of further fields of the person */
export function createColumnHouse(deps: {
  readonly database: Database;
  readonly adminUrl: string;
  readonly crypto: Crypto;
  readonly audit: AuditSink<Tx>;
  readonly leaseSeconds?: number;
  readonly fields?: string;
}): ColumnHouse {
  const { database, adminUrl, crypto, audit, leaseSeconds = 30 } = deps;
  const builtIn = loadDataMap([{ name: 'shop.yaml', yaml: shopMap(deps.fields ?? '') }]);
  const dataMap = createDataMapRegistry({
    database,
    builtIn,
    clock: systemClock,
    columnPhases: readColumnPhases,
  });
  const targets = createColumnTargets(dataMap);
  const common = { database, targets, announce: dataMap.announce };
  const newId = (): string => uuidv7(Date.now(), systemRandomBytes);
  const columns = createColumnMigrations({
    ...common,
    crypto,
    audit: () => audit,
    clock: systemClock,
    newId,
    leaseSeconds,
  });
  const administration = createColumnAdministration({
    ...common,
    adminUrl,
    columns,
    audit,
    newId,
    actor: engineer,
    graceSeconds: 0.3,
  });
  return {
    columns,
    dataMap,
    administration,
    announce: dataMap.announce,
    migrationOf: async (tenantId, field = 'note') => {
      const list = await database.withTenant(tenantId, (tx) => columns.list(tx, { after: null, limit: 100 }));
      const found = list.find((one) => one.field === field);
      if (found === undefined) throw new Error(`no migration of ${field}`);
      return found;
    },
  };
}

/** The data map of the shop. @param fields - YAML lines of further fields */
export const shopMap = (fields: string): string => `
dataset:
  - fides_key: shop
    gatehouse:
      kind: postgres
      schema: shop
      region: eu
      purposes: [{ key: support, name: Answering, legal_basis: contract }]
    collections:
      - name: person
        gatehouse: { subject: { field: subject_id }, erasure: { action: delete } }
        fields:
          - { name: id, fides_meta: { primary_key: true, data_type: integer }, gatehouse: { sensitivity: none } }
          - { name: subject_id, gatehouse: { type: uuid, nullable: false, sensitivity: none } }
          - { name: other, data_categories: [system.operations] }
          - name: note
            data_categories: [user.contact.phone_number]
            gatehouse:
              encryption:
                scope: subject
                column: note_ct1
                indexes: [{ name: exact, kind: exact, normaliser: text, column: note_bidx, bits: 128 }]
${fields}`;

/** Makes the shop's table with a unique key, one index and a check, as the owner. */
export async function createShop(db: TestDatabase, columns = 'note text'): Promise<void> {
  await db.admin(`create schema shop authorization gatehouse_owner`);
  await db.admin(`
    begin; set local role gatehouse_owner;
    create table shop.person (
      tenant_id uuid not null, id integer not null, subject_id uuid, other text, ${columns},
      primary key (tenant_id, id));
    comment on table shop.person is 'People of the shop';
    call db.protect_tenant_table('shop.person');
    grant usage on schema shop to gatehouse_app;
    grant select, insert, update, delete on shop.person to gatehouse_app;
    commit`);
}

/** Rows of a tenant, written as an application does that knows nothing of ciphertext. */
export async function insertPeople(
  db: TestDatabase,
  tenantId: TenantId,
  people: readonly { readonly id: number; readonly note: string | null; readonly subject?: string | null }[],
): Promise<void> {
  await db.admin(
    `insert into shop.person (tenant_id, id, subject_id, note)
     select $1, * from unnest($2::int[], $3::uuid[], $4::text[])`,
    [
      tenantId,
      people.map(({ id }) => id),
      people.map(({ subject }) => (subject === undefined ? randomUUID() : subject)),
      people.map(({ note }) => note),
    ],
  );
}

/** Everything that the catalog says of a table, for comparing before and after. */
export async function schemaOf(db: TestDatabase, table: string): Promise<unknown> {
  const { rows } = await db.admin(
    `select
       (select jsonb_agg(jsonb_build_array(attname, format_type(atttypid, atttypmod), attnotnull, col_description(attrelid, attnum)) order by attnum)
          from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped) as columns,
       (select jsonb_agg(pg_get_indexdef(indexrelid) order by indexrelid) from pg_index where indrelid = $1::regclass) as indexes,
       (select jsonb_agg(pg_get_constraintdef(oid) order by conname) from pg_constraint where conrelid = $1::regclass) as constraints,
       (select jsonb_agg(pg_get_triggerdef(oid) order by tgname) from pg_trigger where tgrelid = $1::regclass and not tgisinternal) as triggers,
       (select jsonb_agg(jsonb_build_array(polname, polcmd) order by polname) from pg_policy where polrelid = $1::regclass) as policies,
       (select jsonb_build_array(relrowsecurity, relforcerowsecurity, relacl::text) from pg_class where oid = $1::regclass) as walls,
       (select jsonb_agg(proname order by proname) from pg_proc where proname like 'column\\_%') as functions`,
    [table],
  );
  return rows[0];
}

/** A writer that knows nothing: the application's own SQL. */
export const writePlain = (
  database: Database,
  tenantId: TenantId,
  id: number,
  note: string | null,
): Promise<unknown> =>
  database.withTenant(tenantId, (tx) =>
    tx.run({
      sql: 'update shop.person set note = $3 where tenant_id = $1 and id = $2',
      parameters: [tenantId, id, note],
    }),
  );
