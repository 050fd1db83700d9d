import type { BlindIndex, CollectionMap, EncryptionScope, FieldMap, FieldType } from './types.ts';

/** What crypto needs to seal and open rows of one collection. */
export type CollectionEncryptionPlan = {
  readonly service: string;
  readonly collection: string;
  /** Column of the row's id. */
  readonly rowIdField: string;
  /** Column of the subject's id; null when no field is under a subject's key. */
  readonly subjectField: string | null;
  readonly fields: readonly {
    readonly field: string;
    readonly column: string;
    readonly type: 'text' | 'json' | 'number' | 'boolean' | 'date';
    readonly scope: EncryptionScope;
    readonly indexes: readonly BlindIndex[];
    /** Set while the column is being encrypted: the plaintext's column, and which of the two is read. */
    readonly plain?: { readonly column: string; readonly reads: 'plaintext' | 'ciphertext' };
  }[];
};

const plainTypes: Readonly<Record<FieldType, 'text' | 'json' | 'number' | 'boolean' | 'date'>> =
  Object.freeze({
    uuid: 'text',
    text: 'text',
    inet: 'text',
    // A decimal and a calendar day keep their exact text.
    numeric: 'text',
    date: 'text',
    integer: 'number',
    boolean: 'boolean',
    timestamptz: 'date',
    json: 'json',
  });

const plans = new WeakMap<CollectionMap, CollectionEncryptionPlan>();

/**
 * Derives what is sealed, under which key, with which index columns. The same collection always gives the same object,
 * so that crypto can remember what it made of it.
 */
export function encryptionPlan(collection: CollectionMap): CollectionEncryptionPlan {
  const known = plans.get(collection);
  if (known !== undefined) return known;
  const plan = derivePlan(collection);
  plans.set(collection, plan);
  return plan;
}

function derivePlan(collection: CollectionMap): CollectionEncryptionPlan {
  const columnOf = (name: string): string =>
    collection.fields.find((field) => field.name === name)?.column ?? name;
  const { subject } = collection;
  return Object.freeze({
    service: collection.service,
    collection: collection.name,
    rowIdField: columnOf(collection.primaryKey),
    subjectField: subject !== null && 'field' in subject ? columnOf(subject.field) : null,
    fields: collection.fields.flatMap(planField),
  });
}

type PlannedField = CollectionEncryptionPlan['fields'][number];

function planField({ name, column, type, encryption, twin }: FieldMap): readonly PlannedField[] {
  const common = { field: name, type: plainTypes[type] };
  if (encryption.mode === 'field') {
    const { scope, indexes } = encryption;
    const plain = twin === null ? {} : { plain: { column: twin.column, reads: 'ciphertext' as const } };
    return [{ ...common, column, scope, indexes, ...plain }];
  }
  // Written along, not read yet.
  if (twin?.written !== true || twin.encryption.mode === 'none') return [];
  const { scope, indexes } = twin.encryption;
  return [{ ...common, column: twin.column, scope, indexes, plain: { column, reads: 'plaintext' } }];
}
