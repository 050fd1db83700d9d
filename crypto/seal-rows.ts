import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Tx } from '../db/index.ts';
import { parseSubjectId, type SubjectId } from '../kernel/index.ts';
import { blindIndex } from './blind-index.ts';
import { rowSuite } from './ct1.ts';
import { countMessages, fieldSuiteOf, type DataKey } from './data-key.ts';
import type { DataKeys } from './data-keys.ts';
import { cryptoError } from './errors.ts';
import { encodeFieldValue } from './field-value.ts';
import type { RandomPool } from './nonce-pool.ts';
import { normaliseForIndex, normaliseForSearch } from './normalise.ts';
import { packRow } from './packed-row.ts';
import {
  compilePlan,
  planError,
  rowIdOf,
  type CompiledPlan,
  type PlannedColumn,
  type PlannedIndex,
} from './plan.ts';
import { sealValue } from './seal-value.ts';
import { bucketsWithin, type Bounds } from './search/bucket.ts';
import type { IndexKeys, IndexVersions } from './search/index-versions.ts';
import { refuseDuplicates } from './search/refuse-duplicates.ts';
import type { SealedTables } from './sealed-table.ts';
import type { EncryptionPlan, FieldPlan, Row } from './types.ts';

const rowsPerTurn = 500;

/** What sealing rows needs. */
export type SealRowsDeps = {
  readonly dataKeys: DataKeys;
  readonly random: RandomPool;
  readonly indexVersions: IndexVersions;
  readonly sealedTables: SealedTables;
};

type RowKeys = {
  /** By the row's own text, so that it is parsed once. */
  readonly subjects: ReadonlyMap<unknown, DataKey>;
  readonly purposes: ReadonlyMap<string, DataKey>;
  readonly index: IndexKeys | null;
};
type Job = { readonly compiled: CompiledPlan; readonly keys: RowKeys; readonly random: RandomPool };

/** Logical rows to physical ones. All keys are at hand before the first row is sealed. */
export async function sealRows(
  tx: Tx,
  deps: SealRowsDeps,
  plan: EncryptionPlan,
  rows: readonly Row[],
): Promise<Record<string, unknown>[]> {
  const compiled = compilePlan(plan, tx.tenantId);
  const touched = compiled.columns.filter((column) => rows.some((row) => isTouched(column, row)));
  const job = { compiled, random: deps.random, keys: await collectKeys(tx, deps, compiled, touched, rows) };
  if (job.keys.index !== null) await refuseDuplicates(tx, deps.sealedTables, compiled, job.keys.index, rows);
  const sealed: Record<string, unknown>[] = [];
  for (const row of rows) {
    sealed.push(sealRow(job, row));
    if (sealed.length % rowsPerTurn === 0) await nextTurn(); // others get their turn
  }
  return sealed;
}

function isTouched({ fields }: PlannedColumn, row: Row): boolean {
  for (const { field } of fields) if (row[field] !== undefined) return true;
  return false;
}

async function collectKeys(
  tx: Tx,
  deps: SealRowsDeps,
  compiled: CompiledPlan,
  touched: readonly PlannedColumn[],
  rows: readonly Row[],
): Promise<RowKeys> {
  const subjectColumns = touched.filter(({ scope }) => scope === 'subject');
  const parsed = new Map<unknown, SubjectId>();
  const field = compiled.plan.subjectField ?? '';
  for (const row of subjectColumns.length === 0 ? [] : rows) {
    if (!parsed.has(row[field]) && subjectColumns.some((column) => isTouched(column, row)))
      parsed.set(row[field], subjectOf(compiled, row));
  }
  const purposes = new Map<string, DataKey>();
  for (const { scope } of touched) {
    if (scope === 'subject' || purposes.has(scope.tenantPurpose)) continue;
    purposes.set(
      scope.tenantPurpose,
      await deps.dataKeys.forScope(tx, { kind: 'tenant', purpose: scope.tenantPurpose }),
    );
  }
  const indexed = touched.some(({ fields }) => fields.some(({ indexes }) => indexes.length > 0));
  const index = indexed ? (deps.indexVersions.atHand(tx) ?? (await deps.indexVersions.keysFor(tx))) : null;
  const keys = await deps.dataKeys.forSubjects(tx, parsed.values());
  const subjects = new Map<unknown, DataKey>();
  for (const [text, subjectId] of parsed) {
    const key = keys.get(subjectId);
    if (key !== undefined) subjects.set(text, key);
  }
  return { subjects, purposes, index };
}

function subjectOf(compiled: CompiledPlan, row: Row): SubjectId {
  const field = compiled.plan.subjectField ?? '';
  const value = row[field];
  if (typeof value !== 'string')
    throw cryptoError('ERR_CRYPTO_INPUT', `a row of ${compiled.type} needs its "${field}" to be sealed`);
  return parseSubjectId(value);
}

/** A row, with what every column of it needs worked out once. */
type RowAtHand = { readonly row: Row; readonly rowId: string; readonly subjectKey: DataKey | null };

function sealRow(job: Job, row: Row): Record<string, unknown> {
  const { compiled } = job;
  const sealed: Record<string, unknown> = {};
  for (const name of Object.keys(row)) if (!compiled.owned.has(name)) sealed[name] = row[name];
  let atHand: RowAtHand | null = null;
  for (const column of compiled.columns) {
    if (!isTouched(column, row)) continue;
    atHand ??= { row, rowId: rowIdOf(compiled, row), subjectKey: subjectKeyOf(job, row) };
    sealed[column.column] = sealColumn(job, column, atHand);
    for (const { field, plain } of column.fields) if (plain !== undefined) sealed[plain.column] = row[field];
    for (const planned of column.indexes)
      sealed[planned.index.column] = indexValue(job, planned, row[planned.field.field]);
  }
  return sealed;
}

function subjectKeyOf({ keys, compiled }: Job, row: Row): DataKey | null {
  return keys.subjects.get(row[compiled.plan.subjectField ?? '']) ?? null;
}

function sealColumn(job: Job, column: PlannedColumn, atHand: RowAtHand): Buffer | null {
  const { row, rowId, subjectKey } = atHand;
  const plaintext = column.packed ? packColumn(job, column, row) : encodeOne(column.fields[0], row);
  if (plaintext === null) return null;
  const { keys, compiled, random } = job;
  const key =
    column.scope === 'subject' ? subjectKey : (keys.purposes.get(column.scope.tenantPurpose) ?? null);
  if (key === null) throw planError(compiled.plan, `no key for column "${column.column}"`);
  const suite = column.packed ? rowSuite : fieldSuiteOf(key);
  countMessages(key, 1, suite);
  return sealValue(key, suite, { context: column.context, rowId }, plaintext, random);
}

function encodeOne(field: FieldPlan | undefined, row: Row): Buffer | null {
  const value = field === undefined ? null : row[field.field];
  return field === undefined || value === null ? null : Buffer.from(encodeFieldValue(field, value), 'utf8');
}

function packColumn(job: Job, column: PlannedColumn, row: Row): Buffer | null {
  const values = new Map<string, Buffer>();
  for (const field of column.fields) {
    if (row[field.field] === undefined) {
      throw cryptoError(
        'ERR_CRYPTO_INPUT',
        `field "${field.field}" of ${job.compiled.type} is packed with others; write all of them or none`,
      );
    }
    const encoded = encodeOne(field, row);
    if (encoded !== null) values.set(field.field, encoded);
  }
  return values.size === 0 ? null : packRow(values);
}

function indexValue(job: Job, planned: PlannedIndex, value: unknown): Buffer | null {
  const { field, index } = planned;
  const keys = job.keys.index;
  if (value === null || value === undefined || keys === null) return null;
  const normalised = normaliseForIndex(index, encodeFieldValue(field, value));
  return normalised === null ? null : blindIndex(keys.writing(planned), normalised, index.bits);
}

/** What a search compares an index column with, of every version that rows may hold. @throws ERR_CRYPTO_PLAN when the plan has no such index */
export async function indexTerms(
  tx: Tx,
  deps: Pick<SealRowsDeps, 'indexVersions'>,
  plan: EncryptionPlan,
  field: string,
  indexName: string,
  value: string,
): Promise<readonly Buffer[]> {
  const planned = findIndex(compilePlan(plan, tx.tenantId), field, indexName);
  const normalised = normaliseForSearch(planned.index, value);
  if (normalised === null) return [];
  const keys = deps.indexVersions.atHand(tx) ?? (await deps.indexVersions.keysFor(tx));
  const { bits } = planned.index;
  const [key, ...others] = keys.live(planned);
  if (key === undefined) return [];
  const term = blindIndex(key, normalised, bits);
  return others.length === 0 ? [term] : [term, ...others.map((other) => blindIndex(other, normalised, bits))];
}

/** The buckets between two bounds. @throws ERR_CRYPTO_PLAN when the plan has no such index, or it is no range */
export async function rangeTerms(
  tx: Tx,
  deps: Pick<SealRowsDeps, 'indexVersions'>,
  at: { readonly plan: EncryptionPlan; readonly field: string; readonly indexName: string },
  bounds: Bounds,
): Promise<readonly Buffer[]> {
  const planned = findIndex(compilePlan(at.plan, tx.tenantId), at.field, at.indexName);
  const { buckets, bits } = planned.index;
  if (buckets === undefined) throw planError(at.plan, `index "${at.indexName}" of "${at.field}" is no range`);
  const labels = bucketsWithin(buckets, bounds);
  if (labels.length === 0) return [];
  const keys = (await deps.indexVersions.keysFor(tx)).live(planned);
  return keys.flatMap((key) => labels.map((label) => blindIndex(key, label, bits)));
}

function findIndex({ plan, indexes }: CompiledPlan, field: string, indexName: string): PlannedIndex {
  for (const planned of indexes)
    if (planned.name.field === field && planned.name.name === indexName) return planned;
  throw planError(plan, `field "${field}" has no index "${indexName}"`);
}
