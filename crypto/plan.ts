import type { TenantId } from '../kernel/index.ts';
import { encodeContext, type EncodedContext } from './associated-data.ts';
import type { IndexName } from './data-key.ts';
import { cryptoError } from './errors.ts';
import { countBuckets, maxBuckets } from './search/bucket.ts';
import type { EncryptionPlan, FieldPlan, IndexPlan } from './types.ts';

/** One ciphertext column of a plan: a field of its own, or several packed together. */
export type PlannedColumn = {
  readonly column: string;
  readonly packed: boolean;
  readonly fields: readonly FieldPlan[];
  readonly scope: FieldPlan['scope'];
  readonly context: EncodedContext;
  readonly indexes: readonly PlannedIndex[];
};

/** One index column of a plan. */
export type PlannedIndex = { readonly field: FieldPlan; readonly index: IndexPlan; readonly name: IndexName };

/** Version of a blind-index key that was never rotated. */
const indexVersion = 1;

/** A plan made ready for one tenant. */
export type CompiledPlan = {
  readonly plan: EncryptionPlan;
  /** `service.collection` */
  readonly type: string;
  readonly columns: readonly PlannedColumn[];
  /** Columns and fields that do not pass through. */
  readonly owned: ReadonlySet<string>;
  /** Names of ciphertext and index columns. */
  readonly physical: ReadonlySet<string>;
  readonly indexes: readonly PlannedIndex[];
};

const compiled = new WeakMap<EncryptionPlan, Map<TenantId, CompiledPlan>>();
const maxTenantsPerPlan = 1_000;

/** Purpose that the associated data of a person's field names. */
const subjectPurpose = 'subject';

/** Checks a plan and encodes what does not change from row to row; remembered by plan and tenant. */
export function compilePlan(plan: EncryptionPlan, tenantId: TenantId): CompiledPlan {
  const held = compiled.get(plan);
  const known = held?.get(tenantId);
  if (known !== undefined) return known;
  const byTenant = held ?? new Map<TenantId, CompiledPlan>();
  compiled.set(plan, byTenant);
  if (byTenant.size >= maxTenantsPerPlan) byTenant.clear();
  const fresh = compile(plan, tenantId);
  byTenant.set(tenantId, fresh);
  return fresh;
}

function compile(plan: EncryptionPlan, tenantId: TenantId): CompiledPlan {
  checkFields(plan);
  const groups = Map.groupBy(plan.fields, (field) => field.column);
  const columns = [...groups].map(([column, fields]) => compileColumn(plan, tenantId, column, fields));
  const physical = new Set(
    plan.fields.flatMap((field) => [
      field.column,
      ...field.indexes.map((index) => index.column),
      ...(field.plain?.reads === 'ciphertext' ? [field.plain.column] : []),
    ]),
  );
  return {
    plan,
    type: `${plan.service}.${plan.collection}`,
    columns,
    physical,
    owned: new Set([
      ...physical,
      ...plan.fields.flatMap(({ field, plain }) => (plain === undefined ? [field] : [field, plain.column])),
    ]),
    indexes: columns.flatMap((column) => column.indexes),
  };
}

function compileColumn(
  plan: EncryptionPlan,
  tenantId: TenantId,
  column: string,
  fields: readonly FieldPlan[],
): PlannedColumn {
  const scope = fields[0]?.scope ?? 'subject';
  const packed = fields.length > 1;
  if (fields.some((field) => JSON.stringify(field.scope) !== JSON.stringify(scope))) {
    throw planError(plan, `the fields packed in column "${column}" must share one key scope`);
  }
  const context = encodeContext(tenantId, {
    service: plan.service,
    collection: plan.collection,
    field: packed ? column : (fields[0]?.field ?? column),
    purpose: scope === 'subject' ? subjectPurpose : scope.tenantPurpose,
  });
  const type = `${plan.service}.${plan.collection}`;
  const indexes = fields.flatMap((field) =>
    field.indexes.map((index) => ({
      field,
      index,
      name: { type, field: field.field, name: index.name, version: indexVersion },
    })),
  );
  return { column, packed, fields, scope, context, indexes };
}

function checkFields(plan: EncryptionPlan): void {
  const names = new Set<string>();
  const indexColumns = new Set<string>();
  const columns = new Set(plan.fields.map((field) => field.column));
  for (const field of plan.fields) {
    if (names.has(field.field)) throw planError(plan, `field "${field.field}" stands twice`);
    names.add(field.field);
    if (field.scope === 'subject' && plan.subjectField === null) {
      throw planError(
        plan,
        `field "${field.field}" is sealed per person, but the collection names no person`,
      );
    }
    for (const index of field.indexes) {
      const taken = columns.has(index.column) || indexColumns.has(index.column);
      if (taken) throw planError(plan, `column "${index.column}" is used twice`);
      if (!Number.isInteger(index.bits) || index.bits < 8 || index.bits > 256) {
        throw planError(plan, `index "${index.name}" of "${field.field}" must keep 8 to 256 bits`);
      }
      const problem = indexProblem(index);
      if (problem !== null) throw planError(plan, `index "${index.name}" of "${field.field}" ${problem}`);
      indexColumns.add(index.column);
    }
  }
  if (names.has(plan.rowIdField) || (plan.subjectField !== null && names.has(plan.subjectField))) {
    throw planError(plan, 'row id and subject must not be encrypted themselves');
  }
}

const uniqueBits = 128;
const maxPrefix = 64;

/** What is wrong with an index, as the end of a sentence; null when nothing is. */
export function indexProblem(index: IndexPlan): string | null {
  if (index.unique === true && (index.kind !== 'exact' || index.bits < uniqueBits))
    return `is unique, so it must be exact and keep at least ${uniqueBits} bits`;
  if (index.kind === 'prefix') {
    const length = index.length ?? 0;
    return Number.isInteger(length) && length >= 1 && length <= maxPrefix
      ? null
      : `is a prefix, so it needs a length of 1 to ${maxPrefix} characters`;
  }
  if (index.kind !== 'range') return null;
  const count = index.buckets === undefined ? 0 : countBuckets(index.buckets);
  return count >= 1 && count <= maxBuckets ? null : `is a range, so it needs 1 to ${maxBuckets} buckets`;
}

/** A plan that cannot be followed is a mistake in the data map. */
export function planError(plan: EncryptionPlan, what: string): Error {
  return cryptoError(
    'ERR_CRYPTO_PLAN',
    `encryption plan of ${plan.service}.${plan.collection}: ${what}; correct the data map`,
  );
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The row's id as text; a UUID in lower case, as the database prints it. */
export function rowIdOf(compiledPlan: CompiledPlan, row: Readonly<Record<string, unknown>>): string {
  const { plan } = compiledPlan;
  const value = row[plan.rowIdField];
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  if (typeof value !== 'string' || value === '') {
    throw cryptoError(
      'ERR_CRYPTO_INPUT',
      `a row of ${compiledPlan.type} needs its "${plan.rowIdField}" to be sealed or opened`,
    );
  }
  return uuid.test(value) ? value.toLowerCase() : value;
}
