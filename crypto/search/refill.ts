import { queryBuilder, sql, type RawBuilder, type Tx } from '../../db/index.ts';
import type { Logger } from '../../kernel/index.ts';
import { blindIndex } from '../blind-index.ts';
import { encodeFieldValue } from '../field-value.ts';
import { normaliseForIndex } from '../normalise.ts';
import type { PlannedIndex } from '../plan.ts';
import type { SealedTable } from '../sealed-table.ts';
import type { EncryptionPlan, Row } from '../types.ts';
import type { IndexVersions } from './index-versions.ts';

/** What making index values anew needs. */
export type RefillDeps = {
  readonly indexVersions: IndexVersions;
  readonly openRows: (
    tx: Tx,
    plan: EncryptionPlan,
    rows: readonly Row[],
    fields: readonly string[],
  ) => Promise<Row[]>;
  readonly logger: Logger;
};

/** One index of one table. */
export type IndexPlace = { readonly table: SealedTable; readonly planned: PlannedIndex };

/** What one batch did. */
export type RefillBatch = {
  readonly seen: number;
  readonly changed: number;
  /** Rows that another transaction held. */
  readonly skipped: number;
  /** Row id of the last row looked at; null at the end of the table. */
  readonly last: string | null;
};

const cell = (column: string): RawBuilder<unknown> => sql`${sql.id('t', column)}`;
const run = async (tx: Tx, query: RawBuilder<unknown>): Promise<readonly Row[]> => {
  const { sql: text, parameters } = query.compile(queryBuilder);
  return (await tx.run<Record<string, unknown>>({ sql: text, parameters })).rows;
};

/**
 * Looks at the next rows in the order of their ids and writes the index value of the newest version where another
 * stands. Rows that need it are locked and opened once more, so that no write of others is lost; what somebody else
 * holds is left for another pass. Values of shredded people lose their index value.
 */
export async function refillBatch(
  tx: Tx,
  deps: RefillDeps,
  place: IndexPlace,
  page: { readonly after: string | null; readonly limit: number },
): Promise<RefillBatch> {
  const { table } = place;
  const id = cell(table.rowIdColumn);
  const after = page.after === null ? sql`true` : sql`${id} > ${page.after}`;
  const rows = await run(
    tx,
    sql`${selection(place)} where ${cell('tenant_id')} = ${tx.tenantId}::uuid and ${after} order by ${id} limit ${page.limit}`,
  );
  const last = rows.length < page.limit ? null : String(rows.at(-1)?.[table.rowIdColumn]);
  const stale = (await changesOf(tx, deps, place, rows)).map(({ rowId }) => rowId);
  if (stale.length === 0) return { seen: rows.length, changed: 0, skipped: 0, last };
  const locked = await run(
    tx,
    sql`${selection(place)} where ${cell('tenant_id')} = ${tx.tenantId}::uuid and ${id} = any(${stale})
      order by ${id} for no key update skip locked`,
  );
  const changes = await changesOf(tx, deps, place, locked);
  if (changes.length > 0) await update(tx, place, changes);
  return { seen: rows.length, changed: changes.length, skipped: stale.length - locked.length, last };
}

function selection({ table, planned }: IndexPlace): RawBuilder<unknown> {
  const keys = new Set([table.rowIdColumn, ...(table.subjectColumn === null ? [] : [table.subjectColumn])]);
  const values = new Set([planned.field.column, planned.index.column]);
  return sql`select ${sql.join([
    ...[...keys].map((key) => sql`${cell(key)}::text as ${sql.id(key)}`),
    ...[...values].map((column) => cell(column)),
  ])} from ${sql.id(table.schema, table.table)} as t`;
}

type Change = { readonly rowId: string; readonly term: Buffer | null };

/** The rows whose index value is not the newest version's. */
async function changesOf(
  tx: Tx,
  deps: RefillDeps,
  { table, planned }: IndexPlace,
  rows: readonly Row[],
): Promise<readonly Change[]> {
  const { field, index } = planned;
  const key = (await deps.indexVersions.keysFor(tx)).writing(planned);
  const opened = await openAll(tx, deps, table, rows, field.field);
  return rows.flatMap((row, at): Change[] => {
    const value = opened[at]?.[field.field];
    if (value === undefined) return []; // it did not open; whoever reads it is told
    const term = isPresent(value) ? termOf(planned, key, value) : null;
    const stored = row[index.column];
    const same = term === null ? stored === null : Buffer.isBuffer(stored) && stored.equals(term);
    return same ? [] : [{ rowId: String(row[table.rowIdColumn]), term }];
  });
}

const isPresent = (value: unknown): boolean =>
  value !== null && !(typeof value === 'object' && 'tombstone' in value);

function termOf(
  { field, index }: PlannedIndex,
  key: Parameters<typeof blindIndex>[0],
  value: unknown,
): Buffer | null {
  const normalised = normaliseForIndex(index, encodeFieldValue(field, value));
  return normalised === null ? null : blindIndex(key, normalised, index.bits);
}

/** All at once; when one does not open, one by one, so that it stops nobody. */
async function openAll(
  tx: Tx,
  deps: RefillDeps,
  { plan }: SealedTable,
  rows: readonly Row[],
  field: string,
): Promise<readonly Row[]> {
  try {
    return await deps.openRows(tx, plan, rows, [field]);
  } catch {
    const opened: Row[] = [];
    for (const row of rows)
      opened.push((await deps.openRows(tx, plan, [row], [field]).catch(() => []))[0] ?? {});
    return opened;
  }
}

/** Types come from the table itself, so that an id of any type is compared by its index. */
function update(tx: Tx, { table, planned }: IndexPlace, changes: readonly Change[]): Promise<unknown> {
  const { column } = planned.index;
  const records = changes.map(({ rowId, term }) => ({
    [table.rowIdColumn]: rowId,
    [column]: term === null ? null : `\\x${term.toString('hex')}`,
  }));
  const target = sql.id(table.schema, table.table);
  return run(
    tx,
    sql`update ${target} as t set ${sql.id(column)} = n.${sql.id(column)}
      from jsonb_populate_recordset(null::${target}, ${JSON.stringify(records)}::jsonb) n
      where ${cell('tenant_id')} = ${tx.tenantId}::uuid and ${cell(table.rowIdColumn)} = n.${sql.id(table.rowIdColumn)}`,
  );
}
