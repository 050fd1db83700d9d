import { queryBuilder, sql, type Tx } from '../../db/index.ts';
import type { AuditSink } from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';
import { encodeFieldValue } from '../field-value.ts';
import { normaliseForIndex, type IndexKind } from '../normalise.ts';
import { countRows } from '../rotation/reseal.ts';
import type { SealedTable, SealedTables } from '../sealed-table.ts';
import type { Actor, EncryptionPlan, FieldPlan, Row } from '../types.ts';
import { assess, expectedFalseMatches, type FormAssessment } from './assess.ts';
import { indexAdvised } from './events.ts';

/** What advising needs. */
export type AdviseDeps = {
  readonly sealedTables: SealedTables;
  readonly openRows: (
    tx: Tx,
    plan: EncryptionPlan,
    rows: readonly Row[],
    fields: readonly string[],
  ) => Promise<Row[]>;
  readonly audit: () => AuditSink<Tx>;
};

/** Which field is looked at; without a field every index that the data map declares. */
export type AdviseRequest = {
  /** `service.collection` */
  readonly collection: string;
  readonly field: string;
  /** Values that are opened, 50..5,000. */
  readonly sample: number;
};

/** What a sample tells of a field. */
export type Advice = {
  readonly collection: string;
  readonly field: string;
  readonly rows: number;
  readonly sampled: number;
  readonly forms: readonly FormAssessment[];
  readonly falseMatches: readonly { readonly bits: number; readonly expected: number }[];
  /** Indexes that the data map declares although their form is not safe. */
  readonly findings: readonly { readonly index: string; readonly form: string; readonly verdict: string }[];
};

const cuts = [16, 24, 32, 64, 128] as const;
const prefixes = [2, 3, 4, 6, 8] as const;

/** Opens a sample in this process, counts, and forgets it; only numbers leave. @throws ERR_CRYPTO_INPUT */
export async function advise(
  tx: Tx,
  deps: AdviseDeps,
  request: AdviseRequest,
  actor: Actor,
): Promise<Advice> {
  const { table, field } = await findField(tx, deps, request);
  const rows = await countRows(tx, table, { subjectId: null, purpose: null });
  const values = await sampleValues(tx, deps, { table, field, rows, sample: request.sample });
  const forms = formsOf(field).map(([form, kind]) => assess(form, termsOf(kind, values), rows));
  const exact = forms[0]?.distinctEstimated ?? 0;
  const findings = field.indexes.flatMap((index) => {
    const found = forms.find(({ form }) => form === formName(index));
    const isBad = found !== undefined && found.verdict !== 'safe' && found.verdict !== 'too_few';
    return isBad ? [{ index: index.name, form: found.form, verdict: found.verdict }] : [];
  });
  const { collection } = request;
  await deps.audit().append(tx, {
    definition: indexAdvised,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor,
    targets: [{ type: 'crypto.field', id: `${collection}.${field.field}` }],
    detail: {
      collection,
      field: field.field,
      sampled: values.length,
      verdict: forms[0]?.verdict ?? 'too_few',
    },
  });
  const falseMatches = cuts.map((bits) => ({ bits, expected: expectedFalseMatches(exact, bits) }));
  return { collection, field: field.field, rows, sampled: values.length, forms, falseMatches, findings };
}

async function findField(
  tx: Tx,
  deps: AdviseDeps,
  { collection, field: name }: AdviseRequest,
): Promise<{ readonly table: SealedTable; readonly field: FieldPlan }> {
  const table = (await deps.sealedTables(tx)).find(
    ({ plan }) => `${plan.service}.${plan.collection}` === collection,
  );
  const field = table?.plan.fields.find((one) => one.field === name);
  if (table === undefined || field === undefined)
    throw cryptoError('ERR_CRYPTO_INPUT', `${collection} has no encrypted field "${name}" in the data map`);
  return { table, field };
}

async function sampleValues(
  tx: Tx,
  deps: AdviseDeps,
  of: {
    readonly table: SealedTable;
    readonly field: FieldPlan;
    readonly rows: number;
    readonly sample: number;
  },
): Promise<readonly string[]> {
  const { table, field, rows, sample } = of;
  if (rows === 0) return [];
  const columns = [
    ...new Set([table.rowIdColumn, ...(table.subjectColumn === null ? [] : [table.subjectColumn])]),
  ];
  const percent = Math.min(100, (120 * sample) / rows);
  const { sql: text, parameters } = sql`select ${sql.join([
    ...columns.map((column) => sql`${sql.id('t', column)}::text as ${sql.id(column)}`),
    sql`${sql.id('t', field.column)}`,
  ])} from ${sql.id(table.schema, table.table)} as t tablesample bernoulli (${percent}::real)
    where ${sql.id('t', 'tenant_id')} = ${tx.tenantId}::uuid and ${sql.id('t', field.column)} is not null limit ${sample}`.compile(
    queryBuilder,
  );
  const found = (await tx.run<Record<string, unknown>>({ sql: text, parameters })).rows;
  const opened = await deps.openRows(tx, table.plan, found, [field.field]);
  return opened.flatMap((row) => {
    const value = row[field.field];
    const isGone =
      value === null || value === undefined || (typeof value === 'object' && 'tombstone' in value);
    return isGone ? [] : [encodeFieldValue(field, value)];
  });
}

const formName = ({ kind, length }: IndexKind): string => (kind === 'prefix' ? `prefix ${length}` : kind);

/** The forms an index of this field could have, the exact one first, then those it has. */
function formsOf(field: FieldPlan): readonly (readonly [string, IndexKind])[] {
  const normaliser = field.indexes[0]?.normaliser ?? 'text';
  const forms: IndexKind[] = [
    { kind: 'exact', normaliser },
    ...(normaliser === 'email' ? [{ kind: 'domain', normaliser } as const] : []),
    ...(field.type === 'text'
      ? prefixes.map((length) => ({ kind: 'prefix', normaliser, length }) as const)
      : []),
    ...field.indexes,
  ];
  return [...new Map(forms.map((form) => [formName(form), form]))];
}

const termsOf = (kind: IndexKind, values: readonly string[]): readonly string[] =>
  values.flatMap((value) => normaliseForIndex(kind, value) ?? []);
