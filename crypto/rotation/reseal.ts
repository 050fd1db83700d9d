import { queryBuilder, sql, type RawBuilder, type SqlBool, type Tx } from '../../db/index.ts';
import type { KeyId, Logger, SubjectId } from '../../kernel/index.ts';
import { parseCiphertext, portableSuite, rowSuite } from '../ct1.ts';
import { countMessages, fieldSuiteOf, type DataKey } from '../data-key.ts';
import type { DataKeys } from '../data-keys.ts';
import type { RandomPool } from '../nonce-pool.ts';
import { compilePlan, rowIdOf, type CompiledPlan, type PlannedColumn } from '../plan.ts';
import { openValue, sealValue } from '../seal-value.ts';
import type { SealedTable } from '../sealed-table.ts';
import { readSupersededKids } from '../store-rotation.ts';
import type { FoundKey } from '../stored-key.ts';

/** What sealing again needs. */
export type ResealDeps = {
  readonly dataKeys: DataKeys;
  readonly random: RandomPool;
  readonly logger: Logger;
};

/** Whose values are sealed again; both null: everybody's. */
export type ResealScope = { readonly subjectId: string | null; readonly purpose: string | null };

/** What one batch of a table did. */
export type ResealBatch = {
  /** Rows looked at. */
  readonly seen: number;
  readonly resealed: number;
  /** Rows that another transaction held. */
  readonly skipped: number;
  /** Row id of the last row looked at; null at the end of the table. */
  readonly last: string | null;
};

type Stored = Record<string, unknown>;

/** The ciphertext columns of a table whose values the scope covers. */
export function columnsIn(compiled: CompiledPlan, scope: ResealScope): readonly PlannedColumn[] {
  return compiled.columns.filter(({ scope: of }) => {
    if (scope.subjectId !== null) return of === 'subject';
    if (scope.purpose !== null) return of !== 'subject' && of.tenantPurpose === scope.purpose;
    return true;
  });
}

const cell = (column: string): RawBuilder<unknown> => sql`${sql.id('t', column)}`;
const run = async (tx: Tx, query: RawBuilder<unknown>): Promise<readonly Stored[]> => {
  const { sql: text, parameters } = query.compile(queryBuilder);
  return (await tx.run<Stored>({ sql: text, parameters })).rows;
};

/** Tenant, and the person when there is one. */
function rowsOf(tx: Tx, table: SealedTable, scope: ResealScope): RawBuilder<SqlBool> {
  const tenant = sql<SqlBool>`${cell('tenant_id')} = ${tx.tenantId}::uuid`;
  if (scope.subjectId === null || table.subjectColumn === null) return tenant;
  return sql<SqlBool>`${tenant} and ${cell(table.subjectColumn)} = ${scope.subjectId}`;
}

const from = (table: SealedTable): RawBuilder<unknown> => sql`${sql.id(table.schema, table.table)} as t`;

/** How many rows of a table the scope covers. */
export async function countRows(tx: Tx, table: SealedTable, scope: ResealScope): Promise<number> {
  const rows = await run(
    tx,
    sql`select count(*)::integer as count from ${from(table)} where ${rowsOf(tx, table, scope)}`,
  );
  return Number(rows[0]?.['count'] ?? 0);
}

/**
 * Looks at the next rows of a table in the order of their ids and seals again what is under a superseded key. Only rows
 * with such a value are locked, for as long as the batch takes; rows that somebody else holds are left for another
 * pass, so that neither waits for the other.
 */
export async function resealBatch(
  tx: Tx,
  deps: ResealDeps,
  table: SealedTable,
  scope: ResealScope,
  page: { readonly after: string | null; readonly limit: number },
): Promise<ResealBatch> {
  const compiled = compilePlan(table.plan, tx.tenantId);
  const columns = columnsIn(compiled, scope);
  const heads = await run(tx, headsQuery(tx, table, scope, columns, page));
  const last = heads.length < page.limit ? null : String(heads.at(-1)?.['id']);
  const stale = await supersededOf(
    tx,
    heads.flatMap((row) => columns.map((_, at) => row[`k${at}`])),
  );
  const ids = heads
    .filter((row) => columns.some((_, at) => isIn(stale, row[`k${at}`])))
    .map((row) => String(row['id']));
  if (ids.length === 0) return { seen: heads.length, resealed: 0, skipped: 0, last };
  const rows = await run(tx, lockQuery(tx, table, columns, ids));
  const resealed = await resealRows(tx, deps, compiled, columns, rows, stale);
  if (resealed.length > 0) await run(tx, updateQuery(tx, table, columns, resealed));
  return { seen: heads.length, resealed: resealed.length, skipped: ids.length - rows.length, last };
}

/** Row id and the key id of each ciphertext: bytes 3 to 10 of a CT1 value. */
function headsQuery(
  tx: Tx,
  table: SealedTable,
  scope: ResealScope,
  columns: readonly PlannedColumn[],
  page: { readonly after: string | null; readonly limit: number },
): RawBuilder<unknown> {
  const id = cell(table.rowIdColumn);
  const kids = columns.map(({ column }, at) => sql`substr(${cell(column)}, 3, 8) as ${sql.id(`k${at}`)}`);
  const after = page.after === null ? sql<SqlBool>`true` : sql<SqlBool>`${id} > ${page.after}`;
  return sql`select ${sql.join([sql`${id}::text as id`, ...kids])} from ${from(table)}
    where ${rowsOf(tx, table, scope)} and ${after} order by ${id} limit ${page.limit}`;
}

function lockQuery(
  tx: Tx,
  table: SealedTable,
  columns: readonly PlannedColumn[],
  ids: readonly string[],
): RawBuilder<unknown> {
  const id = cell(table.rowIdColumn);
  const keys = [
    ...new Set([table.rowIdColumn, ...(table.subjectColumn === null ? [] : [table.subjectColumn])]),
  ];
  const wanted = [
    ...keys.map((key) => sql`${cell(key)}::text as ${sql.id(key)}`),
    ...columns.map(({ column }) => cell(column)),
  ];
  return sql`select ${sql.join(wanted)} from ${from(table)}
    where ${cell('tenant_id')} = ${tx.tenantId}::uuid and ${id} = any(${ids}) order by ${id} for no key update skip locked`;
}

/** Types come from the table itself, so that an id of any type is compared by its index. */
function updateQuery(
  tx: Tx,
  table: SealedTable,
  columns: readonly PlannedColumn[],
  rows: readonly Stored[],
): RawBuilder<unknown> {
  const records = rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : value,
      ]),
    ),
  );
  const changes = columns.map(
    ({ column }) => sql`${sql.id(column)} = coalesce(n.${sql.id(column)}, ${cell(column)})`,
  );
  const target = sql.id(table.schema, table.table);
  return sql`update ${from(table)} set ${sql.join(changes)}
    from jsonb_populate_recordset(null::${target}, ${JSON.stringify(records)}::jsonb) n
    where ${cell('tenant_id')} = ${tx.tenantId}::uuid and ${cell(table.rowIdColumn)} = n.${sql.id(table.rowIdColumn)}`;
}

const hexOf = (kid: unknown): string | null => (Buffer.isBuffer(kid) ? kid.toString('hex') : null);
const isIn = (stale: ReadonlySet<string>, kid: unknown): boolean => stale.has(hexOf(kid) ?? '');

async function supersededOf(tx: Tx, kids: readonly unknown[]): Promise<ReadonlySet<string>> {
  const distinct = [...new Set(kids.flatMap((kid) => hexOf(kid) ?? []))];
  if (distinct.length === 0) return new Set();
  const { rows } = await tx.query<{ kid: Buffer }>(readSupersededKids, [
    tx.tenantId,
    distinct.map((kid) => Buffer.from(kid, 'hex')),
  ]);
  return new Set(rows.map(({ kid }) => kid.toString('hex')));
}

/** @returns id and the changed ciphertexts of each row that changes */
async function resealRows(
  tx: Tx,
  deps: ResealDeps,
  compiled: CompiledPlan,
  columns: readonly PlannedColumn[],
  rows: readonly Stored[],
  stale: ReadonlySet<string>,
): Promise<readonly Stored[]> {
  const opening = await deps.dataKeys.byKids(tx, [...stale] as KeyId[]); // hex of eight bytes
  const sealing = await sealingKeys(tx, deps, opening);
  const changed: Stored[] = [];
  for (const row of rows) {
    const rowId = rowIdOf(compiled, row);
    const change: Stored = {};
    for (const column of columns) {
      const value = row[column.column];
      if (!Buffer.isBuffer(value)) continue;
      const fresh = resealValue({ compiled, column, rowId, deps, opening, sealing }, value);
      if (fresh !== null) change[column.column] = fresh;
    }
    const { rowIdField } = compiled.plan;
    if (Object.keys(change).length > 0) changed.push({ [rowIdField]: row[rowIdField], ...change });
  }
  return changed;
}

/** The current key beside each superseded one, by the superseded one's id. */
async function sealingKeys(
  tx: Tx,
  deps: ResealDeps,
  opening: ReadonlyMap<KeyId, FoundKey>,
): Promise<ReadonlyMap<KeyId, DataKey>> {
  const sealing = new Map<KeyId, DataKey>();
  const people = new Map<KeyId, SubjectId>();
  for (const [kid, key] of opening) {
    if (key.kind !== 'key') continue;
    if (key.scope.kind === 'subject') people.set(kid, key.scope.subjectId);
    else sealing.set(kid, await deps.dataKeys.forScope(tx, key.scope));
  }
  const current = await deps.dataKeys.forSubjects(tx, people.values());
  for (const [kid, subjectId] of people) {
    const key = current.get(subjectId);
    if (key !== undefined) sealing.set(kid, key);
  }
  return sealing;
}

type Cell = {
  readonly compiled: CompiledPlan;
  readonly column: PlannedColumn;
  readonly rowId: string;
  readonly deps: ResealDeps;
  readonly opening: ReadonlyMap<KeyId, FoundKey>;
  readonly sealing: ReadonlyMap<KeyId, DataKey>;
};

/** The same bytes under the newer key, packed rows unopened; null when the value is not under a superseded key. */
function resealValue(at: Cell, value: Buffer): Buffer | null {
  const parsed = parseCiphertext(value, at.column.packed ? 'row' : 'field');
  const old = parsed === null ? undefined : at.opening.get(parsed.kid);
  if (parsed === null || old === undefined || old.kind === 'shredded') return null;
  const key = at.sealing.get(parsed.kid);
  const plaintext = old.kind === 'key' ? openValue(old, parsed, at.column.context, at.rowId) : null;
  if (plaintext === null || key === undefined) {
    // It stays as it is, readable or not: its key stays too. A reader is told by the usual error and event.
    const where = { collection: at.compiled.type, column: at.column.column, kid: parsed.kid };
    at.deps.logger.warn('a value does not open under its key, so it was not sealed again', where);
    return null;
  }
  const suite = at.column.packed
    ? rowSuite
    : parsed.suite === portableSuite
      ? portableSuite
      : fieldSuiteOf(key);
  countMessages(key, 1, suite);
  const sealed = sealValue(
    key,
    suite,
    { context: at.column.context, rowId: at.rowId },
    plaintext,
    at.deps.random,
  );
  plaintext.fill(0);
  return sealed;
}
