import {
  queryBuilder,
  sql,
  statement,
  type RawBuilder,
  type SqlBool,
  type Statement,
  type Tx,
} from '../db/index.ts';
import type { CollectionMap, FieldMap } from '../datamap/index.ts';
import type { Grant } from './authorize.ts';
import type { Call } from './call.ts';
import type { ListQuery } from './list-query.ts';
import { maskInSql } from './mask.ts';

/** Alias of the table in every query. */
const alias = 't';

/** A row as the database gives it, by column. */
export type StoredRow = Readonly<Record<string, unknown>>;

/** Names of the columns that the gateway adds for itself. */
export const sortColumn = '__sort';

const casts: Readonly<Record<FieldMap['type'], string>> = Object.freeze({
  uuid: 'uuid',
  text: 'text',
  integer: 'bigint',
  numeric: 'numeric',
  boolean: 'boolean',
  timestamptz: 'timestamptz',
  date: 'date',
  json: 'jsonb',
  inet: 'inet',
});

/** A column, quoted, with the alias. */
export function columnOf(column: string): RawBuilder<unknown> {
  return sql`${sql.id(alias, column)}`;
}

/** A value with its field's type, so that PostgreSQL never guesses. */
export function typed(field: FieldMap, value: unknown): RawBuilder<unknown> {
  return sql`${value}::${sql.raw(casts[field.type])}`;
}

/** The table with its alias. */
export function tableOf(collection: CollectionMap): RawBuilder<unknown> {
  return sql`${sql.id(collection.schema, collection.table)} as ${sql.id(alias)}`;
}

/** The column of a field's name. */
export function columnNamed(collection: CollectionMap, name: string): string {
  return collection.fields.find((field) => field.name === name)?.column ?? name;
}

/** Tenant, and the rows that the decision covers. */
export function permittedRows(call: Call, grant: Grant): RawBuilder<SqlBool> {
  const tenant = sql<SqlBool>`${columnOf(call.collection.tenantColumn)} = ${call.principal.tenantId}::uuid`;
  return sql<SqlBool>`${tenant} and (${grant.verdict.where(call.catalog, alias)})`;
}

/** The row of an id. @param id - of the primary key's type, already checked */
export function rowOf(collection: CollectionMap, id: unknown): RawBuilder<SqlBool> {
  const field = collection.fields.find(({ name }) => name === collection.primaryKey);
  if (field === undefined) return sql<SqlBool>`false`;
  return sql<SqlBool>`${columnOf(field.column)} = ${typed(field, id)}`;
}

/**
 * What is selected: the fields asked for, masked where they are clear columns, and the keys the gateway needs itself.
 * A hidden field is not in here, so it never leaves the database.
 */
export function projection(call: Call, grant: Grant, fields: readonly FieldMap[]): RawBuilder<unknown> {
  const { collection } = call;
  const own = new Set(keyColumns(collection));
  const keys = [...own].map((column) => sql`${columnOf(column)} as ${sql.id(column)}`);
  const shown = fields
    .filter(({ column }) => !own.has(column))
    .flatMap((field) => {
      const column = columnOf(field.column);
      const inSql = field.encryption.mode === 'none' && !grant.clear.has(field.name);
      const value = sql`${inSql ? maskInSql(field, column) : readable(field, column)} as ${sql.id(field.column)}`;
      return field.encryption.mode === 'field' && field.twin !== null
        ? [value, unsealed(field, field.twin.column)]
        : [value];
    });
  return sql.join([...keys, ...shown]);
}

/** After a cut-over: the plaintext of a row that a writer changed who does not know of the ciphertext, else null. */
function unsealed(field: FieldMap, plainColumn: string): RawBuilder<unknown> {
  const plain = readable({ ...field, encryption: { mode: 'none' } }, columnOf(plainColumn));
  return sql`case when ${columnOf(field.column)} is null then ${plain} end as ${sql.id(plainColumn)}`;
}

/** A calendar day has no time zone; as a JavaScript date it would get one. */
function readable(field: FieldMap, column: RawBuilder<unknown>): RawBuilder<unknown> {
  return field.type === 'date' && field.encryption.mode === 'none' ? sql`${column}::text` : column;
}

/** Row id and the link to the person. */
export function keyColumns(collection: CollectionMap): readonly string[] {
  const { subject } = collection;
  const link = subject === null ? [] : ['field' in subject ? subject.field : subject.via.field];
  return [collection.primaryKey, ...link].map((name) => columnNamed(collection, name));
}

/** Texts that came before: PostgreSQL parses and plans them once per connection. */
const prepared = new Map<string, Statement>();
const maxPrepared = 200;

/** Runs one query that was put together here. */
export async function run(tx: Tx, query: RawBuilder<unknown>): Promise<readonly StoredRow[]> {
  const { sql: text, parameters } = query.compile(queryBuilder);
  const known = prepared.get(text) ?? prepare(text);
  if (known === null) return (await tx.run<Record<string, unknown>>({ sql: text, parameters })).rows;
  return (await tx.query<Record<string, unknown>>(known, parameters)).rows;
}

/** @returns null when there are too many shapes of queries already; the rest stays unprepared */
function prepare(text: string): Statement | null {
  if (prepared.size >= maxPrepared) return null;
  const fresh = statement(`gateway.q${prepared.size}`, text);
  prepared.set(text, fresh);
  return fresh;
}

/** One page of rows, and one more to know whether another follows. */
export async function selectPage(
  tx: Tx,
  input: {
    readonly call: Call;
    readonly grant: Grant;
    readonly query: ListQuery;
    readonly where: readonly RawBuilder<SqlBool>[];
  },
): Promise<readonly StoredRow[]> {
  const { call, grant, query, where } = input;
  const { collection } = call;
  const order = sortExpression(query.sort.field);
  const id = columnOf(columnNamed(collection, collection.primaryKey));
  const direction = sql.raw(query.sort.descending ? 'desc' : 'asc');
  const conditions = [
    permittedRows(call, grant),
    ...where,
    ...(query.after === null ? [] : [afterCursor(call, query)]),
  ];
  return run(
    tx,
    sql`select ${projection(call, grant, query.fields)}, ${order}::text as ${sql.id(sortColumn)}
      from ${tableOf(collection)} where ${sql.join(conditions, sql` and `)}
      order by ${order} ${direction} nulls last, ${id} ${direction} limit ${query.limit + 1}`,
  );
}

/** Text is ordered by bytes, so that pages do not depend on the server's locale. */
function sortExpression(field: FieldMap): RawBuilder<unknown> {
  return field.type === 'text' ? sql`${columnOf(field.column)} collate "C"` : columnOf(field.column);
}

function afterCursor(call: Call, { sort, after }: ListQuery): RawBuilder<SqlBool> {
  const { collection } = call;
  const idField = collection.fields.find(({ name }) => name === collection.primaryKey);
  if (after === null || idField === undefined) return sql<SqlBool>`true`;
  const beyond = sql.raw(sort.descending ? '<' : '>');
  const idBeyond = sql<SqlBool>`${columnOf(idField.column)} ${beyond} ${typed(idField, after.id)}`;
  const order = sortExpression(sort.field);
  if (sort.field.name === idField.name) return idBeyond;
  if (after.value === null) return sql<SqlBool>`(${order} is null and ${idBeyond})`;
  const value = typed(sort.field, after.value);
  return sql<SqlBool>`(${order} ${beyond} ${value} or (${order} = ${value} and ${idBeyond}) or ${order} is null)`;
}
