import type { FieldType } from './condition.ts';

/** What policy must know of one field: where it lives, its type, and whether a condition may name it. */
export type CatalogField = {
  readonly name: string;
  readonly column: string;
  readonly type: string;
  /** False for ciphertext: SQL cannot compare it. */
  readonly filterable: boolean;
};

/** Says which fields a resource type has; null for types it does not know. */
export type FieldCatalog = (type: string) => readonly CatalogField[] | null;

const comparable: ReadonlySet<string> = new Set<FieldType>([
  'uuid',
  'text',
  'integer',
  'numeric',
  'boolean',
  'timestamptz',
  'date',
  'json',
  'text[]',
]);
const keyPattern = /^[a-z][A-Za-z0-9_]{0,62}(?:\.[a-z][A-Za-z0-9_]{0,62}){0,7}$/;

/** The type of a condition's key, and the JSON path below the field when the key goes deeper. */
export type ResolvedKey = {
  readonly field: CatalogField;
  readonly type: FieldType;
  readonly path: readonly string[];
};

/**
 * Finds the field that a condition key names. This is the allow-list that keeps `toString.call`, `__proto__` and
 * `a" or 1=1 --` out of rules: a key exists because the catalog says so, never because a rule says so.
 *
 * @returns null when the catalog has no such field, or it cannot be compared
 */
export function resolveKey(fields: readonly CatalogField[], key: string): ResolvedKey | null {
  if (!keyPattern.test(key) || (key.split('.')[0] ?? '') in Object.prototype) return null;
  const exact = fields.find((field) => field.name === key);
  const [head = key, ...path] = key.split('.');
  const field = exact ?? fields.find((candidate) => candidate.name === head && candidate.type === 'json');
  if (field === undefined || !field.filterable || !isFieldType(field.type)) return null;
  return { field, type: field.type, path: exact === undefined ? path : [] };
}

/** Whether a field name may be declared at all: a plain word that no JavaScript object already has. */
export function isFieldName(name: string): boolean {
  return keyPattern.test(name) && !name.includes('.') && !(name in Object.prototype);
}

function isFieldType(type: string): type is FieldType {
  return comparable.has(type);
}
