import type { Tx } from '../db/index.ts';
import { selectColumns } from './store.ts';
import type { CollectionMap, DataMap, FieldTwin, FieldType } from './types.ts';

/** One difference between the map and the live schema. */
export type DriftFinding = {
  readonly kind:
    | 'missing_table'
    | 'missing_column'
    | 'unmapped_table'
    | 'unmapped_column'
    | 'type_differs'
    | 'not_nullable';
  /** `high`: a person's data may be outside the map, or a request would fail. */
  readonly severity: 'high' | 'low';
  readonly object: string;
  readonly detail: string;
};

type LiveColumn = {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  readonly type: string;
  readonly nullable: boolean;
};

/** Compares every mapped PostgreSQL service with the catalog of the database. */
export async function findDrift(tx: Tx, map: DataMap): Promise<readonly DriftFinding[]> {
  const schemas = [...new Set(map.services.map(({ schema }) => schema).filter((schema) => schema !== ''))];
  const { rows } = await tx.query<LiveColumn>(selectColumns, [schemas]);
  const live = Map.groupBy(rows, (row) => `${row.schema}.${row.table}`);
  const collections = map.services
    .flatMap((service) => service.collections)
    .filter(({ schema }) => schema !== '');
  const mapped = new Set(collections.map(({ schema, table }) => `${schema}.${table}`));
  const unmapped = [...live.keys()].filter((table) => !mapped.has(table));
  return [
    ...unmapped.map((table): DriftFinding => ({
      kind: 'unmapped_table',
      severity: 'high',
      object: table,
      detail: 'no collection maps this table',
    })),
    ...collections.flatMap((collection) =>
      compareCollection(collection, live.get(`${collection.schema}.${collection.table}`)),
    ),
  ];
}

function compareCollection(
  collection: CollectionMap,
  columns: readonly LiveColumn[] | undefined,
): DriftFinding[] {
  const table = `${collection.schema}.${collection.table}`;
  if (columns === undefined) {
    return [
      {
        kind: 'missing_table',
        severity: 'high',
        object: table,
        detail: `${collection.type} maps a table that does not exist`,
      },
    ];
  }
  const expected = expectedColumns(collection);
  const byName = new Map(columns.map((column) => [column.column, column]));
  const twins = new Set(collection.fields.flatMap(({ twin }) => (twin === null ? [] : columnsOfTwin(twin))));
  const missing = [...expected.keys()].filter((name) => !byName.has(name));
  const added = columns.filter(({ column }) => !expected.has(column) && !twins.has(column));
  const differing = [...expected].flatMap(([name, types]) => {
    const found = byName.get(name);
    return found === undefined || types.includes(found.type) ? [] : [{ name, found: found.type, types }];
  });
  return [
    ...missing.map((name): DriftFinding => ({
      kind: 'missing_column',
      severity: 'high',
      object: `${table}.${name}`,
      detail: `${collection.type} maps a column that does not exist`,
    })),
    ...added.map((column): DriftFinding => unmappedColumn(table, column)),
    ...differing.map(({ name, found, types }): DriftFinding => ({
      kind: 'type_differs',
      severity: 'high',
      object: `${table}.${name}`,
      detail: `is ${found}, the map expects ${types.join(' or ')}`,
    })),
    ...notNullable(collection, byName, table),
  ];
}

/** Erasure that nulls a column fails at the worst moment when the column refuses NULL. */
function notNullable(
  collection: CollectionMap,
  byName: ReadonlyMap<string, LiveColumn>,
  table: string,
): DriftFinding[] {
  return collection.fields
    .filter(({ column, erasure }) => erasure.action === 'null' && byName.get(column)?.nullable === false)
    .map(({ column }) => ({
      kind: 'not_nullable',
      severity: 'high',
      object: `${table}.${column}`,
      detail: 'erasure would null it, the column refuses NULL',
    }));
}

const liveTypes: Readonly<Record<FieldType, readonly string[]>> = Object.freeze({
  uuid: ['uuid'],
  text: ['text', 'character varying', 'character', 'citext'],
  integer: ['integer', 'bigint', 'smallint'],
  numeric: ['numeric', 'double precision', 'real', 'integer', 'bigint'],
  boolean: ['boolean'],
  timestamptz: ['timestamp with time zone', 'timestamp without time zone'],
  date: ['date'],
  json: ['jsonb', 'json'],
  inet: ['inet', 'cidr', 'text'],
});

function expectedColumns(collection: CollectionMap): ReadonlyMap<string, readonly string[]> {
  const expected = new Map<string, readonly string[]>([[collection.tenantColumn, ['uuid']]]);
  for (const { column, type, encryption } of collection.fields) {
    expected.set(column, encryption.mode === 'field' ? ['bytea'] : liveTypes[type]);
    if (encryption.mode === 'field')
      for (const index of encryption.indexes) expected.set(index.column, ['bytea']);
  }
  return expected;
}

/** What stands beside a column that is being encrypted; whether it is there yet is the migration's affair. */
const columnsOfTwin = ({ column, encryption }: FieldTwin): readonly string[] =>
  encryption.mode === 'field' ? [column, ...encryption.indexes.map((index) => index.column)] : [column];

const personalName =
  /mail|phone|mobile|\btel|fax|name|birth|\bdob\b|address|street|city|zip|postal|ssn|pesel|passport|national|gender|sex|religion|iban|card|account|\bip\b|ip_|_ip|user_?agent|device|cookie|lat(itude)?$|lon(gitude)?$|salary|health|note|comment|free_?text/i;

/** Whether a column's name suggests that it holds a person's data; errs on the side of asking. */
export function looksPersonal(column: string): boolean {
  return personalName.test(column);
}

function unmappedColumn(table: string, { column, type }: LiveColumn): DriftFinding {
  const wide = ['json', 'jsonb'].includes(type);
  const personal = looksPersonal(column) || wide;
  return {
    kind: 'unmapped_column',
    severity: personal ? 'high' : 'low',
    object: `${table}.${column}`,
    detail: personal
      ? `looks personal (${wide ? 'free-form JSON' : 'by its name'}) and is not mapped`
      : `is not mapped (${type})`,
  };
}
