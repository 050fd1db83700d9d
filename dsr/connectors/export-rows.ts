import { encryptionPlan, type DataMap } from '../../datamap/index.ts';
import type { Crypto } from '../../crypto/index.ts';
import { sql, queryBuilder, type Tx } from '../../db/index.ts';
import { dsrError } from '../errors.ts';
import type { PlanStep } from '../plan-document.ts';
import type { ExportedCollection } from './connector.ts';
import { rowsOf, tableRef, type RelatedCollection } from './relations.ts';

/**
 * The person's rows with the fields that may leave, opened.
 *
 * @param maxRows - per collection
 * @throws ERR_DSR_PACKAGE_TOO_LARGE
 */
export async function exportRows(
  ports: { readonly dataMap: DataMap; readonly crypto: Crypto },
  tx: Tx,
  subjects: readonly string[],
  input: { readonly steps: readonly PlanStep[]; readonly maxRows: number },
): Promise<readonly ExportedCollection[]> {
  const result: ExportedCollection[] = [];
  for (const step of input.steps.toReversed()) {
    const collection = ports.dataMap.collection(step.collection);
    if (collection === null || collection.subject === null) continue;
    result.push(
      await exportCollection(ports, tx, subjects, {
        collection: collection as RelatedCollection,
        maxRows: input.maxRows,
      }),
    ); // subject was just checked
  }
  return result;
}

async function exportCollection(
  ports: { readonly dataMap: DataMap; readonly crypto: Crypto },
  tx: Tx,
  subjects: readonly string[],
  { collection, maxRows }: { readonly collection: RelatedCollection; readonly maxRows: number },
): Promise<ExportedCollection> {
  const fields = collection.fields.filter((field) => field.exportable);
  const order = sql.id(
    collection.fields.find((field) => field.name === collection.primaryKey)?.column ?? 'id',
  );
  const query = sql<
    Record<string, unknown>
  >`select * from ${tableRef(collection)} where ${rowsOf(ports.dataMap, collection, subjects)} order by ${order} limit ${maxRows + 1}`;
  const { rows } = await tx.run(query.compile(queryBuilder));
  if (rows.length > maxRows) {
    throw dsrError(
      'ERR_DSR_PACKAGE_TOO_LARGE',
      `more than ${maxRows} rows of ${collection.type} belong to this person; export them by hand`,
    );
  }
  const sealed = fields.filter((field) => field.encryption.mode === 'field').map((field) => field.name);
  const opened =
    sealed.length === 0 ? rows : await ports.crypto.openRows(tx, encryptionPlan(collection), rows, sealed);
  return {
    collection: collection.type,
    description: collection.description,
    fields: fields.map((field) => ({ name: field.name, categories: field.categories })),
    rows: rows.map((row, index) =>
      Object.fromEntries(
        fields.map((field) => [
          field.name,
          plain(field.encryption.mode === 'field' ? opened[index]?.[field.name] : row[field.column]),
        ]),
      ),
    ),
  };
}

/** Values as JSON has them. */
function plain(value: unknown): unknown {
  if (value === undefined) return null;
  if (value instanceof Date || Object.prototype.toString.call(value) === '[object Date]')
    return (value as Date).toISOString(); // across realms
  if (Buffer.isBuffer(value)) return value.toString('base64');
  return value;
}
