import { normaliseForIndex } from '../crypto/index.ts';
import { encryptionPlan, type BlindIndex, type FieldMap } from '../datamap/index.ts';
import type { Tx } from '../db/index.ts';
import type { Call } from './call.ts';
import type { Filter } from './list-query.ts';
import type { Parts } from './ports.ts';
import type { StoredRow } from './row-query.ts';

/** The index that a prefix filter goes by: the longest that the value reaches; undefined when it is too short for all. */
export function prefixIndex(field: FieldMap, value: string): BlindIndex | undefined {
  const indexes = field.encryption.mode === 'field' ? field.encryption.indexes : [];
  return indexes
    .filter((index) => index.kind === 'prefix' && normaliseForIndex(index, value) !== null)
    .toSorted((left, right) => (right.length ?? 0) - (left.length ?? 0))[0];
}

/** Filters whose index tells only nearly which rows match. */
export function inexactFilters(filters: readonly Filter[]): readonly Filter[] {
  return filters.filter(
    ({ field, operator }) => field.encryption.mode === 'field' && !['eq', 'in', 'domain'].includes(operator),
  );
}

/**
 * Opens what inexact filters speak of and leaves the rows that really match. A page may so hold fewer rows than its
 * limit although another follows.
 */
export async function recheckRows(
  parts: Pick<Parts, 'crypto'>,
  tx: Tx,
  call: Call,
  filters: readonly Filter[],
  rows: readonly StoredRow[],
): Promise<readonly StoredRow[]> {
  const inexact = inexactFilters(filters);
  if (inexact.length === 0 || rows.length === 0) return rows;
  const names = [...new Set(inexact.map(({ field }) => field.name))];
  const opened = await parts.crypto.openRows(tx, encryptionPlan(call.collection), rows, names);
  return rows.filter((_, at) => inexact.every((filter) => matches(filter, opened[at]?.[filter.field.name])));
}

function matches({ field, operator, values }: Filter, value: unknown): boolean {
  const [wanted] = values;
  // A tombstone matches nothing.
  if (typeof value !== 'string' && typeof value !== 'number') return false;
  if (operator === 'prefix') return startsWith(field, String(value), String(wanted));
  const [left, right] = [comparable(field, value), comparable(field, wanted)];
  switch (operator) {
    case 'lt':
      return left < right;
    case 'lte':
      return left <= right;
    case 'gt':
      return left > right;
    case 'gte':
      return left >= right;
    default:
      return false;
  }
}

function comparable({ type }: FieldMap, value: unknown): number {
  return type === 'date' || type === 'timestamptz' ? Date.parse(String(value)) : Number(value);
}

function startsWith(field: FieldMap, value: string, wanted: string): boolean {
  const index = prefixIndex(field, wanted);
  if (index === undefined) return false;
  const whole = { kind: 'exact', normaliser: index.normaliser } as const;
  return (normaliseForIndex(whole, value) ?? '').startsWith(normaliseForIndex(whole, wanted) ?? '\0');
}
