import { sql, type RawBuilder, type SqlBool, type Tx } from '../db/index.ts';
import { encryptionPlan, type BlindIndex, type FieldMap } from '../datamap/index.ts';
import type { Call } from './call.ts';
import type { Filter, FilterOperator } from './list-query.ts';
import type { Parts } from './ports.ts';
import { prefixIndex } from './recheck.ts';
import { columnOf, typed } from './row-query.ts';

/** Turns a list's filters into conditions; encrypted fields are found by their keyed index. */
export async function compileFilters(
  parts: Pick<Parts, 'crypto'>,
  tx: Tx,
  call: Call,
  filters: readonly Filter[],
): Promise<readonly RawBuilder<SqlBool>[]> {
  const conditions: RawBuilder<SqlBool>[] = [];
  for (const filter of filters) {
    const encrypted = filter.field.encryption.mode === 'field';
    conditions.push(encrypted ? await compileIndexed(parts, tx, call, filter) : compileClear(filter));
  }
  return conditions;
}

async function compileIndexed(
  parts: Pick<Parts, 'crypto'>,
  tx: Tx,
  call: Call,
  { field, operator, values }: Filter,
): Promise<RawBuilder<SqlBool>> {
  const index = indexFor(field, operator, String(values[0]));
  if (index === undefined) return sql<SqlBool>`false`;
  const plan = encryptionPlan(call.collection);
  if (index.kind === 'range') {
    const bound = String(values[0]);
    const bounds = operator === 'gt' || operator === 'gte' ? { from: bound } : { to: bound };
    return among(index.column, await parts.crypto.rangeTerms(tx, plan, field.name, index.name, bounds));
  }
  const terms: Buffer[] = [];
  for (const value of values)
    terms.push(...(await parts.crypto.indexTerms(tx, plan, field.name, index.name, String(value))));
  const found = among(index.column, terms);
  if (field.twin === null || index.kind !== 'exact') return found;
  // A row that a writer changed who does not know of the ciphertext has no index value until it is sealed.
  const plain = sql.join(values.map((value) => typed(field, value)));
  return sql<SqlBool>`(${found} or (${columnOf(field.column)} is null and ${columnOf(field.twin.column)} in (${plain})))`;
}

function among(column: string, terms: readonly Buffer[]): RawBuilder<SqlBool> {
  return terms.length === 0
    ? sql<SqlBool>`false`
    : sql<SqlBool>`${columnOf(column)} = any(${terms}::bytea[])`;
}

const kinds: Readonly<Record<FilterOperator, BlindIndex['kind'] | null>> = Object.freeze({
  ...({ eq: 'exact', in: 'exact', ne: null, domain: 'domain', prefix: 'prefix' } as const),
  ...({ lt: 'range', lte: 'range', gt: 'range', gte: 'range' } as const),
});

function indexFor(field: FieldMap, operator: FilterOperator, value: string): BlindIndex | undefined {
  if (operator === 'prefix') return prefixIndex(field, value);
  const indexes = field.encryption.mode === 'field' ? field.encryption.indexes : [];
  return indexes.find(({ kind }) => kind === kinds[operator]);
}

const comparisons = Object.freeze({ lt: '<', lte: '<=', gt: '>', gte: '>=' } as const);

function compileClear({ field, operator, values }: Filter): RawBuilder<SqlBool> {
  const column = columnOf(field.column);
  const value = typed(field, values[0]);
  switch (operator) {
    case 'eq':
      return sql<SqlBool>`${column} = ${value}`;
    case 'ne':
      return sql<SqlBool>`${column} is distinct from ${value}`;
    case 'in':
      return sql<SqlBool>`${column} in (${sql.join(values.map((one) => typed(field, one)))})`;
    case 'prefix':
      return sql<SqlBool>`starts_with(${column}, ${value})`;
    case 'domain':
      return sql<SqlBool>`false`;
    default:
      return sql<SqlBool>`${comparable(field, column)} ${sql.raw(comparisons[operator])} ${value}`;
  }
}

function comparable(field: FieldMap, column: RawBuilder<unknown>): RawBuilder<unknown> {
  return field.type === 'text' ? sql`${column} collate "C"` : column;
}
