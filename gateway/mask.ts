import { sql, type RawBuilder } from '../db/index.ts';
import type { FieldMap } from '../datamap/index.ts';

/** What stands where a value is hidden. */
const blot = '***';

/**
 * The masked form of a clear column, made by the database so that the value itself never leaves it. What is not text
 * has no partial form and becomes NULL.
 *
 * @param column - the quoted column
 */
export function maskInSql(field: FieldMap, column: RawBuilder<unknown>): RawBuilder<unknown> {
  if (field.type !== 'text') return sql`null::text`;
  const hidden = sql`case when ${column} is null then null else ${blot} end`;
  switch (field.mask) {
    case 'partial':
      return sql`left(${column}, 1) || ${blot}`;
    case 'phone':
      return sql`${blot} || right(regexp_replace(${column}, '[^0-9]', '', 'g'), 2)`;
    case 'email':
      return sql`case when ${column} is null then null when position('@' in ${column}) < 2 then ${blot}
        else left(${column}, 1) || ${'***@***.'} || reverse(split_part(reverse(${column}), '.', 1)) end`;
    case 'full':
    case 'none':
      return hidden; // policy says masked: a map without a mask hides everything
  }
}

/** The masked form of an opened value; the same text as {@link maskInSql} gives. */
export function maskValue(field: FieldMap, value: unknown): unknown {
  if (value === null || value === undefined || field.type !== 'text' || typeof value !== 'string') {
    // An encrypted address or document has no partial form either.
    return typeof value === 'string' ? blot : null;
  }
  const [first = ''] = value;
  switch (field.mask) {
    case 'partial':
      return `${first}${blot}`;
    case 'phone':
      return `${blot}${value.replaceAll(/[^0-9]/g, '').slice(-2)}`;
    case 'email':
      return value.indexOf('@') < 1
        ? blot
        : `${first}${blot}@${blot}.${value.slice(value.lastIndexOf('.') + 1)}`;
    case 'full':
    case 'none':
      return blot;
  }
}
