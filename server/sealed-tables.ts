import type { SealedTable, SealedTables } from '../crypto/index.ts';
import { encryptionPlan, type DataMap, type DataMapRegistry } from '../datamap/index.ts';

/** The tables of a data map that hold ciphertext, in the map's order. */
export function sealedTablesOf(map: Pick<DataMap, 'services'>): readonly SealedTable[] {
  return map.services.flatMap(({ collections }) =>
    collections.flatMap((collection): SealedTable[] => {
      const { schema, table, primaryKey } = collection;
      const plan = encryptionPlan(collection);
      // A collection with a gap (no schema, no single key) is served by nobody, so nothing of it was sealed.
      if (plan.fields.length === 0 || schema === '' || primaryKey === '') return [];
      const { rowIdField: rowIdColumn, subjectField: subjectColumn } = plan;
      return [{ plan, schema, table, rowIdColumn, subjectColumn }];
    }),
  );
}

/** What crypto asks for the tables of a tenant; read anew each time, so that a changed map counts at once. */
export const createSealedTables =
  (dataMap: Pick<DataMapRegistry, 'forTenant'>): SealedTables =>
  async (tx) =>
    sealedTablesOf(await dataMap.forTenant(tx));
