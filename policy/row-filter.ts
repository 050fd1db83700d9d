import { sql, type RawBuilder, type SqlBool } from '../db/index.ts';
import type { Condition, FieldType, Scalar } from './condition.ts';
import { policyError } from './errors.ts';
import { resolveKey, type CatalogField, type ResolvedKey } from './catalog.ts';

/** Which rows of a resource type a decision covers. */
export type RowFilter =
  | { readonly kind: 'all' }
  | { readonly kind: 'none' }
  | { readonly kind: 'condition'; readonly ast: Condition };

/** Where fields live in the query at hand. */
export type ColumnMap = {
  readonly fields: readonly CatalogField[];
  /** Table or alias that the columns belong to, when the query joins. */
  readonly table?: string;
};

const casts: Readonly<Record<FieldType, string>> = {
  uuid: 'uuid',
  text: 'text',
  integer: 'numeric',
  numeric: 'numeric',
  boolean: 'boolean',
  timestamptz: 'timestamptz',
  date: 'date',
  json: 'jsonb',
  'text[]': 'text',
};

/**
 * Compiles a decision's row filter to SQL. Values are parameters; columns come from the map and are quoted. The result
 * is true for exactly the rows that the same condition matches in memory, NULLs included; it may be NULL where that is
 * false, so use it in WHERE or negate it with `is not true`.
 *
 * @throws ERR_POLICY_UNKNOWN_FIELD when the filter names a field that the map does not have
 */
export function compileRowFilter(filter: RowFilter, columns: ColumnMap): RawBuilder<SqlBool> {
  if (filter.kind === 'all') return sql<SqlBool>`true`;
  if (filter.kind === 'none') return sql<SqlBool>`false`;
  return compile(filter.ast, columns);
}

function compile(condition: Condition, columns: ColumnMap): RawBuilder<SqlBool> {
  switch (condition.kind) {
    case 'and':
      return join(condition.of, columns, sql` and `, sql<SqlBool>`true`);
    case 'or':
      return join(condition.of, columns, sql` or `, sql<SqlBool>`false`);
    case 'not':
      return sql<SqlBool>`(${compile(condition.of, columns)}) is not true`;
    case 'equals':
      return compileIn(condition.field, [condition.value], columns);
    case 'in':
      return compileIn(condition.field, condition.values, columns);
    case 'exists':
      return sql<SqlBool>`not (${isNull(operand(condition.field, columns))})`;
    case 'compare':
      return compileCompare(condition, columns);
  }
}

function join(
  parts: readonly Condition[],
  columns: ColumnMap,
  operator: RawBuilder<unknown>,
  empty: RawBuilder<SqlBool>,
): RawBuilder<SqlBool> {
  if (parts.length === 0) return empty;
  return sql<SqlBool>`(${sql.join(
    parts.map((part) => compile(part, columns)),
    operator,
  )})`;
}

type Operand = ResolvedKey & { readonly expression: RawBuilder<unknown> };

function operand(key: string, columns: ColumnMap): Operand {
  const resolved = resolveKey(columns.fields, key);
  if (resolved === null) {
    throw policyError(
      'ERR_POLICY_UNKNOWN_FIELD',
      `the row filter names "${key.slice(0, 64)}", which the column map does not have`,
      { status: 500 },
    );
  }
  const { column } = resolved.field;
  const reference = columns.table === undefined ? sql.id(column) : sql.id(columns.table, column);
  return { ...resolved, expression: expressionOf(resolved, reference) };
}

function expressionOf(resolved: ResolvedKey, reference: RawBuilder<unknown>): RawBuilder<unknown> {
  if (resolved.path.length > 0) return sql`(${reference} #> ${resolved.path}::text[])`;
  // JavaScript's Date holds milliseconds; what lies below them must not decide.
  return resolved.type === 'timestamptz' ? sql`date_trunc('milliseconds', ${reference})` : reference;
}

function isNull({ expression, type }: Operand): RawBuilder<SqlBool> {
  // JSON null and an absent path are both "no value".
  return type === 'json'
    ? sql<SqlBool>`(${expression} is null or ${expression} = 'null'::jsonb)`
    : sql<SqlBool>`${expression} is null`;
}

function compileIn(key: string, values: readonly (Scalar | null)[], columns: ColumnMap): RawBuilder<SqlBool> {
  const target = operand(key, columns);
  const known = values.filter((value) => value !== null);
  const parts: RawBuilder<SqlBool>[] = [];
  if (known.length > 0) parts.push(matches(target, known));
  if (known.length < values.length) parts.push(isNull(target));
  return parts.length === 0 ? sql<SqlBool>`false` : sql<SqlBool>`(${sql.join(parts, sql` or `)})`;
}

/** A constant that is not NULL: `=` is true exactly when `is not distinct from` is, and uses an index. */
function matches({ expression, type }: Operand, values: readonly Scalar[]): RawBuilder<SqlBool> {
  const cast = sql.raw(casts[type]);
  if (type === 'json') {
    // `array @> scalar` is containment, `scalar @> scalar` is equality.
    const texts = values.map((value) => JSON.stringify(value));
    return sql<SqlBool>`exists (select 1 from unnest(${texts}::text[]) as wanted(value) where ${expression} @> wanted.value::jsonb)`;
  }
  if (type === 'text[]') return sql<SqlBool>`${expression} && ${values}::text[]`;
  const [only] = values;
  if (values.length === 1) return sql<SqlBool>`${expression} = ${only}::${cast}`;
  return sql<SqlBool>`${expression} = any(${values}::${cast}[])`;
}

function compileCompare(
  condition: Extract<Condition, { kind: 'compare' }>,
  columns: ColumnMap,
): RawBuilder<SqlBool> {
  const target = operand(condition.field, columns);
  const operator = sql.raw(condition.operator);
  const { expression, type } = target;
  if (type === 'json') return compareJson(expression, operator, condition.value);
  if (type === 'text') return sql<SqlBool>`${expression} collate "C" ${operator} ${condition.value}::text`;
  return sql<SqlBool>`${expression} ${operator} ${condition.value}::${sql.raw(casts[type])}`;
}

function compareJson(
  expression: RawBuilder<unknown>,
  operator: RawBuilder<unknown>,
  bound: string | number,
): RawBuilder<SqlBool> {
  return typeof bound === 'number'
    ? sql<SqlBool>`(case when jsonb_typeof(${expression}) = 'number' then (${expression} #>> '{}')::numeric ${operator} ${bound}::numeric else false end)`
    : sql<SqlBool>`(case when jsonb_typeof(${expression}) = 'string' then (${expression} #>> '{}') collate "C" ${operator} ${bound}::text else false end)`;
}
