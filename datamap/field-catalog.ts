import type { DataMap } from './types.ts';

/** What decisions may know of a field: policy conditions and filters name these and no others. */
export type CatalogEntry = {
  readonly name: string;
  readonly column: string;
  readonly type: string;
  /** False for ciphertext: SQL cannot compare it. */
  readonly filterable: boolean;
};

/** The fields of a resource type, or null for a type the map does not have. */
export function fieldCatalog(map: DataMap, type: string): readonly CatalogEntry[] | null {
  const collection = map.collection(type);
  if (collection === null) return null;
  return collection.fields.map(({ name, column, type: fieldType, encryption }) => ({
    name,
    column,
    type: fieldType,
    filterable: encryption.mode === 'none',
  }));
}
