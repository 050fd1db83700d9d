import { buildField, eraseBy } from './build-field.ts';
import type { CollectionDocument } from './schema.ts';
import type { CollectionMap, ManagedFields, SubjectLink } from './types.ts';

const allOperations: CollectionMap['operations'] = Object.freeze([
  'read',
  'create',
  'update',
  'delete',
] as const);

/** The dataset that a collection stands in. */
export type CollectionSurroundings = { readonly service: string; readonly schema: string };

/** Builds one collection from its document. */
export function buildCollection(document: CollectionDocument, around: CollectionSurroundings): CollectionMap {
  const block = document.gatehouse ?? {};
  const primaryKeys = document.fields
    .filter((field) => field.fides_meta?.primary_key === true)
    .map(({ name }) => name);
  const primaryKey = primaryKeys.length === 1 ? (primaryKeys[0] ?? '') : '';
  const subject = subjectOf(block.subject);
  const managed: ManagedFields = {
    createdAt: block.managed?.created_at ?? null,
    updatedAt: block.managed?.updated_at ?? null,
    restricted: block.managed?.restricted ?? null,
  };
  const erasure = eraseBy(block.erasure ?? { action: subject === null ? 'keep' : 'delete' });
  const own = [
    primaryKey,
    subject !== null && 'field' in subject ? subject.field : '',
    ...Object.values(managed),
  ];
  const ownFields = new Set(own.filter((name): name is string => name !== null && name !== ''));
  return Object.freeze({
    service: around.service,
    name: document.name,
    type: `${around.service}.${document.name}`,
    description: document.description ?? '',
    schema: around.schema,
    table: block.table ?? document.name,
    primaryKey,
    tenantColumn: 'tenant_id',
    subject,
    fields: document.fields.map((field) =>
      buildField(field, { collectionErasure: erasure, ownFields, hasSubject: subject !== null }),
    ),
    retention: block.retention ?? null,
    erasure,
    managed,
    operations: block.operations ?? allOperations,
  });
}

type SubjectBlock = NonNullable<NonNullable<CollectionDocument['gatehouse']>['subject']>;

function subjectOf(block: SubjectBlock | undefined): SubjectLink {
  if (block === undefined) return null;
  if ('field' in block) return { field: block.field };
  return { via: { field: block.via.field, to: block.via.to, toField: block.via.to_field } };
}
