import type { DataMap } from '../../datamap/index.ts';
import type { Tx } from '../../db/index.ts';
import { readCatalog, readCatalogVersion, readIncomingReferences } from '../store-catalog.ts';

/** A column as the database has it. */
export type CatalogColumn = {
  readonly name: string;
  readonly type: string;
  /** PostgreSQL's type category: S string, A array, U user-defined (json, bytea, uuid), … */
  readonly category: string;
  readonly notNull: boolean;
  /** Whether an index finds it within a tenant. */
  readonly indexed: boolean;
};

/** A table as the database has it. */
export type CatalogTable = {
  readonly schema: string;
  readonly table: string;
  readonly can_select: boolean;
  readonly can_update: boolean;
  readonly can_delete: boolean;
  readonly has_primary_key: boolean;
  readonly columns: readonly CatalogColumn[];
  /** `schema.table` that its foreign keys point to. */
  readonly references: readonly string[];
};

/** The live schema under the data map. */
export type Catalog = {
  readonly tables: readonly CatalogTable[];
  readonly table: (schema: string, table: string) => CatalogTable | null;
  readonly incoming: readonly { readonly from: string; readonly to: string }[];
};

/** The schemas that the map speaks of. */
export function mappedSchemas(dataMap: DataMap): readonly string[] {
  return [...new Set(dataMap.services.map((service) => service.schema).filter((schema) => schema !== ''))];
}

/** Reads the live schema. */
export type CatalogReader = {
  /** One cheap statement when nothing changed since the last time, whoever asked. */
  readonly read: (tx: Tx, dataMap: DataMap) => Promise<Catalog>;
};

const maxCached = 100;

/** Keeps what it read per map and version of the schema; a changed table, column, index, key or right is read anew. */
export function createCatalogReader(): CatalogReader {
  const cache = new Map<string, { readonly version: string; readonly catalog: Catalog }>();
  return Object.freeze({
    read: async (tx: Tx, dataMap: DataMap) => {
      const schemas = mappedSchemas(dataMap);
      const { rows } = await tx.query<{ version: string }>(readCatalogVersion, [schemas]);
      const version = rows[0]?.version ?? '';
      const key = schemas.toSorted().join(' ');
      const known = cache.get(key);
      if (known?.version === version) return known.catalog;
      const catalog = await loadCatalog(tx, schemas);
      // A schema that this transaction itself changed may yet be rolled back; its version would then never be seen again.
      cache.delete(key);
      if (cache.size >= maxCached) cache.clear();
      cache.set(key, { version, catalog });
      return catalog;
    },
  });
}

/** Two statements, whatever the number of tables. */
async function loadCatalog(tx: Tx, schemas: readonly string[]): Promise<Catalog> {
  const { rows: tables } = await tx.query<CatalogTable>(readCatalog, [schemas]);
  const { rows: incoming } = await tx.query<{ from: string; to: string }>(readIncomingReferences, [schemas]);
  const byName = new Map(tables.map((one) => [`${one.schema}.${one.table}`, one]));
  return { tables, incoming, table: (schema, table) => byName.get(`${schema}.${table}`) ?? null };
}
