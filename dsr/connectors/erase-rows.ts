import type { DataMap, FieldMap } from '../../datamap/index.ts';
import { sql, type RawBuilder, type Tx } from '../../db/index.ts';
import { dsrError } from '../errors.ts';
import type { PlanStep } from '../plan-document.ts';
import { rowsOf, tableRef, type RelatedCollection } from './relations.ts';
import { runPrepared } from './run-prepared.ts';

/**
 * Carries out the steps inside the caller's transaction, one set-based statement per collection, in the plan's order.
 *
 * @returns rows touched per collection
 * @throws ERR_DSR_SYSTEM_UNREADY when a collection of the plan is not mapped any more
 */
export async function eraseRows(
  dataMap: DataMap,
  tx: Tx,
  subjects: readonly string[],
  steps: readonly PlanStep[],
): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const step of steps.toSorted((a, b) => a.order - b.order)) {
    if (step.action === 'keep' || step.action === 'export') continue;
    const collection = mapped(dataMap, step);
    const where = rowsOf(dataMap, collection, subjects);
    const statement =
      step.action === 'delete'
        ? sql`delete from ${tableRef(collection)} where ${where}`
        : updateOf(collection, step, where);
    counts[step.collection] = statement === null ? 0 : (await runPrepared(tx, statement)).rowCount;
  }
  return counts;
}

function mapped(dataMap: DataMap, step: PlanStep): RelatedCollection {
  const collection = dataMap.collection(step.collection);
  if (collection === null || collection.subject === null) {
    throw dsrError(
      'ERR_DSR_SYSTEM_UNREADY',
      `collection "${step.collection}" of the plan is not in the data map any more; plan again`,
    );
  }
  return collection as RelatedCollection; // subject was just checked
}

function updateOf(
  collection: RelatedCollection,
  step: PlanStep,
  where: RawBuilder<unknown>,
): RawBuilder<unknown> | null {
  const assignments = step.fields.flatMap(({ field: name, action }) => {
    const field = collection.fields.find((one) => one.name === name);
    return field === undefined ? [] : assignmentsOf(collection, field, action);
  });
  if (assignments.length === 0) return null;
  return sql`update ${tableRef(collection)} set ${sql.join(assignments)} where ${where}`;
}

function assignmentsOf(
  collection: RelatedCollection,
  field: FieldMap,
  action: string,
): readonly RawBuilder<unknown>[] {
  if (action === 'keep') return [];
  const indexes =
    field.encryption.mode === 'field'
      ? field.encryption.indexes.map((index) => sql`${sql.id(index.column)} = null`)
      : [];
  // While a column is being encrypted its plaintext stands beside the ciphertext, where no key protects it.
  const plain = field.encryption.mode === 'field' && field.twin !== null ? [field.twin.column] : [];
  if (action === 'null')
    return [...[field.column, ...plain].map((column) => sql`${sql.id(column)} = null`), ...indexes];
  const covered = plain.map((column) => sql`${sql.id(column)} = ${pseudonym(collection, field)}`);
  if (action === 'shred') return [...covered, ...indexes];
  return [sql`${sql.id(field.column)} = ${pseudonym(collection, field)}`, ...indexes];
}

/** A value that says nothing, fits the type and stays unique where it must. */
function pseudonym(collection: RelatedCollection, field: FieldMap): RawBuilder<unknown> {
  const id = sql.id(collection.fields.find((one) => one.name === collection.primaryKey)?.column ?? 'id');
  switch (field.type) {
    case 'text':
      return sql`left('erased-' || ${id}::text, ${field.maxLength})`;
    case 'integer':
    case 'numeric':
      return sql`0`;
    case 'boolean':
      return sql`false`;
    case 'json':
      return sql`'{}'`;
    case 'timestamptz':
    case 'date':
      return sql`'1970-01-01'`;
    case 'inet':
      return sql`'0.0.0.0'`;
    case 'uuid':
      return sql`gen_random_uuid()`;
  }
}
