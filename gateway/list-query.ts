import type { FieldMap } from '../datamap/index.ts';
import type { Grant } from './authorize.ts';
import { requireField, type Call } from './call.ts';
import { decodeCursor, type Cursor } from './cursor.ts';
import { gatewayError } from './errors.ts';
import { prefixIndex } from './recheck.ts';
import { parseQueryValue } from './value.ts';

/** Operators of `filter[field][op]`. */
export type FilterOperator = 'eq' | 'ne' | 'in' | 'lt' | 'lte' | 'gt' | 'gte' | 'prefix' | 'domain';

/** One condition of a list. */
export type Filter = {
  readonly field: FieldMap;
  readonly operator: FilterOperator;
  readonly values: readonly unknown[];
};

/** A list request, understood and permitted. */
export type ListQuery = {
  readonly filters: readonly Filter[];
  readonly sort: { readonly field: FieldMap; readonly descending: boolean };
  readonly fields: readonly FieldMap[];
  readonly limit: number;
  readonly after: Cursor | null;
};

/** The query string as it came: `filter[region]`, `filter[created_at][gt]`, `sort`, `fields`, `cursor`, `limit`. */
export type RawQuery = Readonly<Record<string, unknown>>;

const operators: ReadonlySet<string> = new Set([
  'eq',
  'ne',
  'in',
  'lt',
  'lte',
  'gt',
  'gte',
  'prefix',
  'domain',
]);
const filterKey = /^filter\[([^[\]]{1,128})\](?:\[([a-z]{1,16})\])?$/;
const maxFilters = 20;
const maxValues = 200;

/**
 * Understands a list's query within what the caller may see: a field that is hidden or masked can be neither filtered
 * nor sorted by, since both tell its value.
 *
 * @throws ERR_GATEWAY_UNKNOWN_FIELD, ERR_GATEWAY_FIELD_FORBIDDEN, ERR_GATEWAY_FILTER, ERR_GATEWAY_SORT, ERR_GATEWAY_CURSOR
 */
export function parseListQuery(call: Call, grant: Grant, query: RawQuery): ListQuery {
  const filters = Object.entries(query).flatMap(([key, value]) => parseFilter(call, grant, key, value));
  if (filters.length > maxFilters)
    throw gatewayError('ERR_GATEWAY_FILTER', `at most ${maxFilters} filters are taken`);
  const sort = parseSort(call, grant, query['sort']);
  return {
    filters,
    sort,
    fields: parseFields(call, grant, query['fields']),
    limit: parseLimit(query['limit']),
    after:
      query['cursor'] === undefined
        ? null
        : decodeCursor(query['cursor'], { type: call.collection.type, ...sort }),
  };
}

/** The fields to answer with. @throws ERR_GATEWAY_UNKNOWN_FIELD, ERR_GATEWAY_FIELD_FORBIDDEN */
export function parseFields(call: Call, grant: Grant, text: unknown): readonly FieldMap[] {
  const seen = (name: string): boolean => grant.clear.has(name) || grant.masked.has(name);
  if (text === undefined) return call.collection.fields.filter(({ name }) => seen(name));
  if (typeof text !== 'string')
    throw gatewayError('ERR_GATEWAY_UNKNOWN_FIELD', 'fields is given once, names apart by commas');
  const names = [...new Set(text.split(','))];
  return names.map((name) => {
    const field = requireField(call.collection, name, 'fields');
    if (!seen(name))
      throw gatewayError('ERR_GATEWAY_FIELD_FORBIDDEN', `field "${name}" is not among those you may read`);
    return field;
  });
}

function parseFilter(call: Call, grant: Grant, key: string, value: unknown): readonly Filter[] {
  if (['sort', 'fields', 'cursor', 'limit'].includes(key)) return [];
  const match = filterKey.exec(key);
  const [, name = '', operator = 'eq'] = match ?? [];
  if (match === null)
    throw gatewayError(
      'ERR_GATEWAY_FILTER',
      `"${key.slice(0, 64)}" is not a parameter; filters are written filter[field][op]=value`,
    );
  const field = requireField(call.collection, name, 'filter');
  if (!grant.clear.has(name)) {
    throw gatewayError(
      'ERR_GATEWAY_FIELD_FORBIDDEN',
      `field "${name}" is not shown to you in clear, so it cannot be filtered by`,
    );
  }
  if (!isOperator(operator) || !operatorsOf(field).includes(operator)) {
    const known = operatorsOf(field).join(', ') || 'none';
    throw gatewayError(
      'ERR_GATEWAY_FILTER',
      `field "${name}" takes these filters: ${known}; not "${operator}"`,
    );
  }
  return [{ field, operator, values: parseValues(field, operator, value) }];
}

function isOperator(text: string): text is FilterOperator {
  return operators.has(text);
}

/** What a field can be filtered by: ciphertext only through its blind indexes. */
function operatorsOf({ encryption, type, twin }: FieldMap): readonly FilterOperator[] {
  if (encryption.mode === 'field') {
    const kinds = encryption.indexes.map(({ kind }) => kind);
    return [
      ...(kinds.includes('exact') ? (['eq', 'in'] as const) : []),
      ...(kinds.includes('domain') ? (['domain'] as const) : []),
      // While a column is being encrypted some rows have no index value yet; only an exact search looks into both.
      ...(twin === null && kinds.includes('prefix') ? (['prefix'] as const) : []),
      ...(twin === null && kinds.includes('range') ? (['lt', 'lte', 'gt', 'gte'] as const) : []),
    ];
  }
  if (type === 'json') return [];
  if (type === 'boolean' || type === 'uuid') return ['eq', 'ne', 'in'];
  return ['eq', 'ne', 'in', 'lt', 'lte', 'gt', 'gte', ...(type === 'text' ? (['prefix'] as const) : [])];
}

function parseValues(field: FieldMap, operator: FilterOperator, value: unknown): readonly unknown[] {
  const given = (Array.isArray(value) ? value : [value]).map(String);
  const texts = operator === 'in' ? given.flatMap((text) => text.split(',')) : given;
  const allowed = operator === 'in' ? maxValues : 1;
  if (texts.length > allowed)
    throw gatewayError('ERR_GATEWAY_FILTER', `filter "${field.name}" takes at most ${allowed} values`);
  const loose = operator === 'prefix' || operator === 'domain' ? { ...field, identity: null } : field;
  const parsed = texts.map((text) => parseQueryValue(loose, text));
  if (operator === 'prefix') requirePrefix(field, String(parsed[0]));
  return parsed;
}

/** A prefix that is shorter than every indexed one cannot be found by. */
function requirePrefix(field: FieldMap, value: string): void {
  if (field.encryption.mode !== 'field' || prefixIndex(field, value) !== undefined) return;
  const lengths = field.encryption.indexes.flatMap(({ kind, length }) =>
    kind === 'prefix' ? (length ?? []) : [],
  );
  throw gatewayError(
    'ERR_GATEWAY_FILTER',
    `a prefix of "${field.name}" needs at least ${Math.min(...lengths)} characters; give a longer one`,
  );
}

function parseSort(call: Call, grant: Grant, text: unknown): ListQuery['sort'] {
  const { collection } = call;
  if (text === undefined)
    return { field: requireField(collection, collection.primaryKey, 'sort'), descending: false };
  if (typeof text !== 'string') throw gatewayError('ERR_GATEWAY_SORT', 'sort is given once');
  const descending = text.startsWith('-');
  const field = requireField(collection, descending ? text.slice(1) : text, 'sort');
  if (!grant.clear.has(field.name) && field.name !== collection.primaryKey) {
    throw gatewayError(
      'ERR_GATEWAY_FIELD_FORBIDDEN',
      `field "${field.name}" is not shown to you in clear, so it cannot be sorted by`,
    );
  }
  if (field.encryption.mode === 'field' || field.type === 'json') {
    throw gatewayError('ERR_GATEWAY_SORT', `field "${field.name}" has no order; sort by a clear column`);
  }
  return { field, descending };
}

function parseLimit(text: unknown): number {
  if (text === undefined) return 50;
  const limit = typeof text === 'string' && /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > 200)
    throw gatewayError('ERR_GATEWAY_FILTER', 'limit must be a whole number from 1 to 200');
  return limit;
}
