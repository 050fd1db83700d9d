import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Tx } from '../db/index.ts';
import type { KeyId } from '../kernel/index.ts';
import { fromText, parseCiphertext, type ParsedCiphertext } from './ct1.ts';
import type { DataKey } from './data-key.ts';
import type { DataKeys } from './data-keys.ts';
import type { FoundKey } from './stored-key.ts';
import type { DecryptCause } from './errors.ts';
import type { Failures } from './failures.ts';
import { decodeFieldValue } from './field-value.ts';
import { unpackRow } from './packed-row.ts';
import { compilePlan, rowIdOf, type CompiledPlan, type PlannedColumn } from './plan.ts';
import { openValue } from './seal-value.ts';
import type { EncryptionPlan, FieldPlan, KeyScope, Row, Shredded, Tombstone } from './types.ts';

const rowsPerTurn = 500;

/** What opening rows needs. */
export type OpenRowsDeps = { readonly dataKeys: DataKeys; readonly failures: Failures };

type Fail = (cause: DecryptCause, kid: KeyId | null, field: string) => Error;
type Job = {
  readonly compiled: CompiledPlan;
  readonly columns: readonly PlannedColumn[];
  readonly wanted: ReadonlySet<string>;
  readonly keys: ReadonlyMap<KeyId, FoundKey>;
  readonly fail: Fail;
  readonly opened: (key: DataKey, field: string) => void;
};
/** The ciphertexts of one row, in the order of the columns. */
type ParsedRow = readonly (ParsedCiphertext | null)[];

/** Physical rows to logical ones: wanted fields opened, ciphertext and index columns left out, the rest as it is. */
export async function openRows(
  tx: Tx,
  deps: OpenRowsDeps,
  plan: EncryptionPlan,
  rows: readonly Row[],
  fields: readonly string[],
): Promise<Record<string, unknown>[]> {
  const compiled = compilePlan(plan, tx.tenantId);
  const wanted = new Set(fields.filter((field) => compiled.owned.has(field)));
  const columns = compiled.columns.filter((column) =>
    column.fields.some(({ field, plain }) => wanted.has(field) && plain?.reads !== 'plaintext'),
  );
  const fail: Fail = (cause, kid, field) =>
    deps.failures.report(tx, { cause, kid, collection: compiled.type, field });
  const parsed = rows.map((row) => columns.map((column) => parseColumn(column, row[column.column], fail)));
  const ring: Job['opened'] = (key, field) => deps.failures.opened(tx, key, compiled.type, field);
  const keys = await deps.dataKeys.byKids(tx, kidsOf(parsed));
  const job: Job = { compiled, columns, wanted, fail, opened: ring, keys };
  const opened: Record<string, unknown>[] = [];
  for (const [index, row] of rows.entries()) {
    opened.push(openRow(job, row, parsed[index] ?? []));
    if (opened.length % rowsPerTurn === 0) await nextTurn(); // others get their turn
  }
  return opened;
}

function kidsOf(rows: readonly ParsedRow[]): Set<KeyId> {
  const kids = new Set<KeyId>();
  for (const row of rows) for (const parsed of row) if (parsed !== null) kids.add(parsed.kid);
  return kids;
}

function parseColumn(column: PlannedColumn, value: unknown, fail: Fail): ParsedCiphertext | null {
  if (value === null || value === undefined) return null;
  const bytes =
    typeof value === 'string' ? fromText(value) : ArrayBuffer.isView(value) ? (value as Uint8Array) : null; // bytea
  const parsed = bytes === null ? null : parseCiphertext(bytes, column.packed ? 'row' : 'field');
  if (parsed === null) throw fail('format', null, column.column);
  return parsed;
}

function openRow(job: Job, row: Row, parsedRow: ParsedRow): Record<string, unknown> {
  const { compiled, columns, wanted } = job;
  const opened: Record<string, unknown> = {};
  for (const name of Object.keys(row)) if (!compiled.physical.has(name)) opened[name] = row[name];
  for (const field of compiled.plan.fields)
    if (field.plain?.reads === 'plaintext' && wanted.has(field.field))
      opened[field.field] = unsealed(field, row);
  let rowId: string | null = null;
  for (const [index, column] of columns.entries()) {
    if (!(column.column in row)) continue;
    const parsed = parsedRow[index] ?? null;
    if (parsed !== null) rowId ??= rowIdOf(compiled, row);
    const result = parsed === null ? null : openColumn(job, column, parsed, rowId ?? '');
    for (const field of column.fields) {
      if (!wanted.has(field.field)) continue;
      opened[field.field] = result === null ? unsealed(field, row) : fieldResult(job, field, result, parsed);
    }
  }
  return opened;
}

/** While a column is being encrypted a writer may have left a value that is not sealed yet. */
const unsealed = ({ plain }: FieldPlan, row: Row): unknown =>
  plain === undefined ? null : (row[plain.column] ?? null);

type ColumnResult =
  | { readonly kind: 'value'; readonly value: Buffer }
  | { readonly kind: 'values'; readonly values: ReadonlyMap<string, Buffer> }
  | Shredded
  | null;

function openColumn(job: Job, column: PlannedColumn, parsed: ParsedCiphertext, rowId: string): ColumnResult {
  const { kid } = parsed;
  const key = job.keys.get(kid);
  if (key === undefined) throw job.fail('unknown_key', kid, column.column);
  if (key.kind === 'shredded') return key;
  if (key.kind === 'broken') throw job.fail('data_key', kid, column.column);
  if (!isExpectedScope(column, parsed, key.scope)) throw job.fail('scope', kid, column.column);
  const plaintext = openValue(key, parsed, column.context, rowId);
  if (plaintext === null) throw job.fail('authentication', kid, column.column);
  job.opened(key, column.column);
  if (!column.packed) return { kind: 'value', value: plaintext };
  const values = unpackRow(plaintext);
  if (values === null) throw job.fail('packing', kid, column.column);
  return { kind: 'values', values };
}

/** The key must be of the kind, and for tenant keys of the purpose, that the plan names. */
function isExpectedScope(column: PlannedColumn, parsed: ParsedCiphertext, scope: KeyScope): boolean {
  if (parsed.tenantScope !== (scope.kind === 'tenant')) return false;
  if (scope.kind === 'subject') return column.scope === 'subject';
  return column.scope !== 'subject' && column.scope.tenantPurpose === scope.purpose;
}

function fieldResult(
  job: Job,
  field: FieldPlan,
  result: ColumnResult,
  parsed: ParsedCiphertext | null,
): unknown {
  if (result === null) return null;
  if (result.kind === 'shredded') return { tombstone: true, requestId: result.requestId } satisfies Tombstone;
  const bytes = result.kind === 'value' ? result.value : result.values.get(field.field);
  if (bytes === undefined) return null;
  const value = decodeFieldValue(field.type, bytes);
  if (value === undefined) throw job.fail('encoding', parsed?.kid ?? null, field.field);
  return value;
}
