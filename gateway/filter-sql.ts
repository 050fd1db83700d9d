import { sql, type RawBuilder, type SqlBool, type Tx } from '../db/index.ts';
import { encryptionPlan, type FieldMap } from '../datamap/index.ts';
import type { Call } from './call.ts';
import type { Filter } from './list-query.ts';
import type { Parts } from './ports.ts';
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
  const kind = operator === 'domain' ? 'domain' : 'exact';
  const indexes = field.encryption.mode === 'field' ? field.encryption.indexes : [];
  const index = indexes.find((candidate) => candidate.kind === kind);
  if (index === undefined) return sql<SqlBool>`false`;
  const plan = encryptionPlan(call.collection);
  const terms: Buffer[] = [];
  for (const value of values)
    terms.push(...(await parts.crypto.indexTerms(tx, plan, field.name, index.name, String(value))));
  const found =
    terms.length === 0
      ? sql<SqlBool>`false`
      : sql<SqlBool>`${columnOf(index.column)} = any(${terms}::bytea[])`;
  if (field.twin === null || kind === 'domain') return found;
  // A row that a writer changed who does not know of the ciphertext has no index value until it is sealed.
  const plain = sql.join(values.map((value) => typed(field, value)));
  return sql<SqlBool>`(${found} or (${columnOf(field.column)} is null and ${columnOf(field.twin.column)} in (${plain})))`;
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
