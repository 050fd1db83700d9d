import type { FieldDocument } from './schema.ts';
import { sensitivityOf } from './taxonomy.ts';
import type {
  BlindIndex,
  CollectionErasure,
  EncryptionScope,
  FieldEncryption,
  FieldErasure,
  FieldMap,
  FieldType,
} from './types.ts';

const typesByFidesName: Readonly<Record<string, FieldType>> = Object.freeze({
  string: 'text',
  integer: 'integer',
  float: 'numeric',
  number: 'numeric',
  boolean: 'boolean',
  object: 'json',
  object_id: 'text',
});

/** What a field inherits. */
export type FieldSurroundings = {
  readonly collectionErasure: CollectionErasure;
  /** Fields that only the house writes: row id, subject link, managed columns. */
  readonly ownFields: ReadonlySet<string>;
  readonly hasSubject: boolean;
};

/** Builds one field from its document and what surrounds it. */
export function buildField(document: FieldDocument, around: FieldSurroundings): FieldMap {
  const block = document.gatehouse ?? {};
  const parts = (document.fields ?? []).flatMap((part) => flatten(part, ''));
  const categories = [
    ...new Set([...(document.data_categories ?? []), ...parts.flatMap((part) => part.categories)]),
  ];
  const sensitivity = block.sensitivity ?? sensitivityOf(categories);
  const identity = block.identity ?? identityOf(document);
  return Object.freeze({
    name: document.name,
    column: block.column ?? document.name,
    description: document.description ?? '',
    type: block.type ?? typeOf(document),
    nullable: block.nullable ?? document.fides_meta?.primary_key !== true,
    categories,
    sensitivity,
    identity,
    references: referenceOf(document),
    ...restOf(block.encryption),
    erasure: block.erasure === undefined ? inheritErasure(around, sensitivity) : eraseBy(block.erasure),
    mask: block.mask ?? defaultMask(identity, sensitivity),
    exportable: block.exportable ?? true,
    writable: block.writable ?? !around.ownFields.has(document.name),
    values: block.values ?? null,
    maxLength: block.max_length ?? document.fides_meta?.length ?? 10_000,
    parts,
  });
}

function flatten(document: FieldDocument, prefix: string): { path: string; categories: readonly string[] }[] {
  const path = `${prefix}${document.name}`;
  const deeper = (document.fields ?? []).flatMap((part) => flatten(part, `${path}.`));
  return [{ path, categories: document.data_categories ?? [] }, ...deeper];
}

function typeOf(document: FieldDocument): FieldType {
  if ((document.fields?.length ?? 0) > 0) return 'json';
  const declared = document.fides_meta?.data_type ?? 'string';
  if (declared.endsWith('[]')) return 'json';
  return typesByFidesName[declared] ?? 'text';
}

function identityOf(document: FieldDocument): FieldMap['identity'] {
  const declared = document.fides_meta?.identity ?? null;
  if (declared === null) return null;
  if (declared === 'email') return 'email';
  // Fides lets a tenant name identities of its own, such as `loyalty_id`.
  return declared === 'phone' || declared === 'phone_number' ? 'phone' : 'external_id';
}

function referenceOf(document: FieldDocument): FieldMap['references'] {
  const reference = document.fides_meta?.references?.[0];
  if (reference === undefined) return null;
  const dot = reference.field.indexOf('.');
  return {
    service: reference.dataset,
    collection: reference.field.slice(0, dot),
    field: reference.field.slice(dot + 1),
  };
}

type EncryptionBlock = NonNullable<NonNullable<FieldDocument['gatehouse']>['encryption']>;

/** With a column of its own for the ciphertext, the field rests in plaintext until its migration says otherwise. */
function restOf(block: EncryptionBlock | undefined): Pick<FieldMap, 'encryption' | 'twin'> {
  if (block === undefined) return { encryption: { mode: 'none' }, twin: null };
  const encryption = encryptionOf(block);
  return block.column === undefined
    ? { encryption, twin: null }
    : { encryption: { mode: 'none' }, twin: { column: block.column, encryption, written: false } };
}

function encryptionOf(block: EncryptionBlock): FieldEncryption {
  const scope: EncryptionScope =
    block.scope === 'subject' ? 'subject' : { tenantPurpose: block.scope.tenant_purpose };
  return { mode: 'field', scope, indexes: block.indexes.map(indexOf) };
}

/** Without keys that are undefined. */
function indexOf(block: EncryptionBlock['indexes'][number]): BlindIndex {
  const { accept_low_entropy, length, buckets, unique, ...rest } = block;
  return {
    ...rest,
    ...(length === undefined ? {} : { length }),
    ...(buckets === undefined ? {} : { buckets }),
    ...(unique === undefined ? {} : { unique }),
    ...(accept_low_entropy === undefined ? {} : { acceptLowEntropy: accept_low_entropy }),
  };
}

type ErasureBlock = NonNullable<NonNullable<FieldDocument['gatehouse']>['erasure']>;

/** Copies an exemption without keys that are undefined. */
function eraseBy<Action extends string>(block: {
  readonly action: Action;
  readonly exemption?: ErasureBlock['exemption'];
}): { action: Action; exemption?: NonNullable<FieldErasure['exemption']> } {
  if (block.exemption === undefined) return { action: block.action };
  const { until, ...rest } = block.exemption;
  return { action: block.action, exemption: until === undefined ? rest : { ...rest, until } };
}

function inheritErasure(
  { collectionErasure, hasSubject }: FieldSurroundings,
  sensitivity: string,
): FieldErasure {
  if (collectionErasure.action === 'delete') return { action: hasSubject ? 'delete' : 'keep' };
  if (collectionErasure.action === 'fields' && sensitivity !== 'none') return { action: 'null' };
  const { exemption } = collectionErasure;
  return exemption === undefined ? { action: 'keep' } : { action: 'keep', exemption };
}

function defaultMask(identity: FieldMap['identity'], sensitivity: FieldMap['sensitivity']): FieldMap['mask'] {
  if (identity === 'email' || identity === 'phone') return identity;
  return sensitivity === 'none' ? 'none' : 'full';
}

export { eraseBy };
