import { z } from 'zod';
import type { ColumnMigrations, ColumnTarget, ColumnTargets, Executor } from '../crypto/index.ts';
import { encryptionPlan, type CollectionMap, type DataMap, type DataMapRegistry } from '../datamap/index.ts';
import type { Database } from '../db/index.ts';

/** Fields of a map that rest in plaintext beside a column for their ciphertext, whichever side is read today. */
export function columnTargetsOf(map: Pick<DataMap, 'services'>): readonly ColumnTarget[] {
  return map.services.flatMap(({ collections }) =>
    collections.flatMap((collection) =>
      collection.schema === '' || collection.primaryKey === '' ? [] : targetsOf(collection),
    ),
  );
}

function targetsOf(collection: CollectionMap): readonly ColumnTarget[] {
  const { schema, table } = collection;
  return collection.fields.flatMap((field): ColumnTarget[] => {
    const { twin } = field;
    if (twin === null) return [];
    const isTurned = field.encryption.mode === 'field';
    const sealed = isTurned ? field : { ...field, column: twin.column, encryption: twin.encryption };
    // The plan of this field alone, its plaintext left out: what the backfill writes is the ciphertext.
    const plan = encryptionPlan({
      ...collection,
      fields: [...keysOf(collection), { ...sealed, twin: null }],
    });
    const plainColumn = isTurned ? twin.column : field.column;
    return [
      { plan, schema, table, rowIdColumn: plan.rowIdField, subjectColumn: plan.subjectField, plainColumn },
    ];
  });
}

/** Row id and person, so that the plan names their columns. */
function keysOf({ fields, primaryKey, subject }: CollectionMap): CollectionMap['fields'] {
  const names = [primaryKey, subject !== null && 'field' in subject ? subject.field : ''];
  return fields.filter(({ name }) => names.includes(name));
}

/** What crypto asks for a tenant's columns that are to be encrypted; read anew each time. */
export const createColumnTargets =
  (dataMap: Pick<DataMapRegistry, 'forTenant'>): ColumnTargets =>
  async (tx) =>
    columnTargetsOf(await dataMap.forTenant(tx));

const dropPayload = z.object({ id: z.uuid() });

/** What the second of two people sets off: the column may be dropped; the schema is changed by the administrator's command. */
export const dropExecutor =
  (database: Database, columns: ColumnMigrations): Executor =>
  async ({ tenantId, payload, approvedBy, proposalId }) => {
    const { id } = dropPayload.parse(payload);
    await database.withTenant(tenantId, (tx) =>
      columns.approveDrop(tx, { id, proposalId, actor: approvedBy }),
    );
    return { id, dropApproved: true };
  };
