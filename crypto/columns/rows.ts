import { queryBuilder, sql, type QueryResult, type RawBuilder, type Tx } from '../../db/index.ts';
import { columnTypeOf } from './column-type.ts';
import type { StoredLayout } from './store.ts';

/** A row whose plaintext has no ciphertext yet. */
export type WaitingRow = { readonly id: string; readonly subject: string | null; readonly plain: string };

/** A row as verification sees it. */
export type HeldRow = {
  readonly id: string;
  readonly subject: string | null;
  readonly hasPlain: boolean;
  readonly plain: string | null;
  readonly ciphertext: Buffer | null;
  readonly indexes: readonly (Buffer | null)[];
};

/** A row with what is to be written beside its plaintext. */
export type SealedRow = WaitingRow & {
  readonly ciphertext: Buffer;
  readonly indexes: readonly (Buffer | null)[];
};

type Names = {
  readonly table: RawBuilder<unknown>;
  readonly id: RawBuilder<unknown>;
  readonly subject: RawBuilder<unknown>;
  readonly ciphertext: RawBuilder<unknown>;
  readonly plain: RawBuilder<unknown>;
  readonly plainText: RawBuilder<unknown>;
  readonly idType: RawBuilder<unknown>;
};

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

function namesOf(layout: StoredLayout): Names {
  const plain = `t.${quote(layout.plainColumn)}`;
  return {
    table: sql`${sql.id(layout.schema, layout.table)} as t`,
    id: sql`t.${sql.id(layout.rowIdColumn)}`,
    subject: layout.subjectColumn === null ? sql`null` : sql`t.${sql.id(layout.subjectColumn)}::text`,
    ciphertext: sql`t.${sql.id(layout.ciphertextColumn)}`,
    plain: sql.raw(plain),
    plainText: sql.raw(columnTypeOf(layout.columnType).asText(plain)), // from our own table of types
    idType: sql.raw(layout.rowIdType), // as format_type gave it when the layout was made
  };
}

async function run<Row extends object>(tx: Tx, query: RawBuilder<unknown>): Promise<QueryResult<Row>> {
  const { sql: text, parameters } = query.compile(queryBuilder);
  return tx.run<Row>({ sql: text, parameters });
}

/** Rows that wait to be sealed, by row id. @param after - row id of the last one seen */
export async function selectWaiting(
  tx: Tx,
  layout: StoredLayout,
  after: string | null,
  limit: number,
): Promise<readonly WaitingRow[]> {
  const names = namesOf(layout);
  const beyond = after === null ? sql`true` : sql`${names.id} > ${after}::${names.idType}`;
  const { rows } = await run<WaitingRow>(
    tx,
    sql`select ${names.id}::text as id, ${names.subject} as subject, ${names.plainText} as plain
      from ${names.table}
      where t.tenant_id = ${tx.tenantId}::uuid and ${names.plain} is not null and ${names.ciphertext} is null and ${beyond}
      order by ${names.id} limit ${limit}`,
  );
  return rows;
}

/** How many rows wait, counted up to a bound. */
export async function countWaiting(tx: Tx, layout: StoredLayout, bound: number): Promise<number> {
  const names = namesOf(layout);
  const { rows } = await run<{ waiting: number }>(
    tx,
    sql`select count(*) as waiting from (select 1 from ${names.table}
      where t.tenant_id = ${tx.tenantId}::uuid and ${names.plain} is not null and ${names.ciphertext} is null
      limit ${bound}) w`,
  );
  return rows[0]?.waiting ?? 0;
}

/**
 * Writes ciphertexts beside plaintexts that are still what was sealed; a row that changed, went away or is locked by
 * somebody is left for later, so nobody is waited for and no later value is overwritten.
 *
 * @returns how many rows were written
 */
export async function writeSealed(tx: Tx, layout: StoredLayout, rows: readonly SealedRow[]): Promise<number> {
  if (rows.length === 0) return 0;
  const names = namesOf(layout);
  const columns = layout.indexColumns.map((column, at) => ({ column, given: sql.id(`i${at}`) }));
  const ids = rows.map(({ id }) => id);
  const given = sql`unnest(${ids}::text[], ${rows.map(({ plain }) => plain)}::text[],
    ${rows.map(({ subject }) => subject)}::text[], ${rows.map(({ ciphertext }) => ciphertext)}::bytea[]${sql.join(
      columns.map((_, at) => sql`, ${rows.map(({ indexes }) => indexes[at] ?? null)}::bytea[]`),
      sql``,
    )})`;
  const list = sql.join([sql.raw('id, plain, subject, ct'), ...columns.map(({ given: name }) => name)]);
  const unchanged = sql`t.tenant_id = ${tx.tenantId}::uuid and ${names.ciphertext} is null
    and ${names.plainText} = g.plain and ${names.subject} is not distinct from g.subject`;
  const assignments = sql.join([
    sql`${sql.id(layout.ciphertextColumn)} = g.ct`,
    ...columns.map(({ column, given: name }) => sql`${sql.id(column)} = g.${name}`),
  ]);
  const { rowCount } = await run(
    tx,
    sql`with g as materialized (select * from ${given} as g(${list})),
      ready as materialized (
        select ${names.id} as row_id from ${names.table} join g on ${names.id} = g.id::${names.idType}
        where ${names.id} = any(${ids}::${names.idType}[]) and ${unchanged} -- bounded: without it every waiting row is looked through
        order by ${names.id} for no key update of t skip locked)
      update ${names.table} set ${assignments} from g join ready r on r.row_id = g.id::${names.idType}
      where ${names.id} = r.row_id and ${unchanged}`,
  );
  return rowCount;
}

/** Rows to verify, by row id: every row that holds either half. */
export async function selectHeld(
  tx: Tx,
  layout: StoredLayout,
  after: string | null,
  limit: number,
): Promise<readonly HeldRow[]> {
  const names = namesOf(layout);
  const beyond = after === null ? sql`true` : sql`${names.id} > ${after}::${names.idType}`;
  return selectHeldWhere(tx, layout, sql`${beyond} order by ${names.id} limit ${limit}`);
}

/** The rows of these ids, as far as they are still there, locked until the transaction ends. @throws 55P03 after 2 s of waiting */
export async function lockHeldIds(
  tx: Tx,
  layout: StoredLayout,
  ids: readonly string[],
): Promise<readonly HeldRow[]> {
  const names = namesOf(layout);
  const those = sql`${names.id} = any(${[...ids]}::${names.idType}[])`;
  await run(tx, sql`set local lock_timeout = '2s'`);
  await run(
    tx,
    sql`select 1 from ${names.table} where t.tenant_id = ${tx.tenantId}::uuid and ${those}
      order by ${names.id} for no key update of t`,
  );
  return selectHeldWhere(tx, layout, those);
}

async function selectHeldWhere(
  tx: Tx,
  layout: StoredLayout,
  rest: RawBuilder<unknown>,
): Promise<readonly HeldRow[]> {
  const names = namesOf(layout);
  const indexes = layout.indexColumns.map((column) => sql`t.${sql.id(column)}`);
  const list = indexes.length === 0 ? sql`array[]::bytea[]` : sql`array[${sql.join(indexes)}]`;
  const { rows } = await run<HeldRow>(
    tx,
    sql`select ${names.id}::text as id, ${names.subject} as subject, ${names.plain} is not null as "hasPlain",
        ${names.plainText} as plain, ${names.ciphertext} as ciphertext, ${list} as indexes
      from ${names.table}
      where t.tenant_id = ${tx.tenantId}::uuid and (${names.plain} is not null or ${names.ciphertext} is not null) and ${rest}`,
  );
  return rows;
}

/** The ids, among these, whose plaintext is not the opened value; compared by the database, by type. */
export async function selectDiffering(
  tx: Tx,
  layout: StoredLayout,
  opened: readonly { readonly id: string; readonly text: string }[],
): Promise<ReadonlySet<string>> {
  const names = namesOf(layout);
  const ids = opened.map(({ id }) => id);
  const same = columnTypeOf(layout.columnType).isSame(`t.${quote(layout.plainColumn)}`, 'g.v');
  const { rows } = await run<{ id: string }>(
    tx,
    sql`select g.id from unnest(${ids}::text[], ${opened.map(({ text }) => text)}::text[]) as g(id, v)
      join ${names.table} on ${names.id} = g.id::${names.idType}
      where t.tenant_id = ${tx.tenantId}::uuid and ${names.id} = any(${ids}::${names.idType}[]) and (${sql.raw(same)}) is not true`,
  );
  return new Set(rows.map(({ id }) => id));
}
