import type { CollectionMap, DataMap, FieldMap } from '../../datamap/index.ts';
import { sql, type RawBuilder, type SqlBool } from '../../db/index.ts';

/** A collection whose rows lead to a person. */
export type RelatedCollection = CollectionMap & { readonly subject: NonNullable<CollectionMap['subject']> };

/** Collections that lead to a person. */
export function relatedCollections(dataMap: DataMap): readonly RelatedCollection[] {
  return dataMap.services
    .flatMap((service) => service.collections)
    .filter((collection): collection is RelatedCollection => collection.subject !== null);
}

/** The column of a field. */
export function columnOf(collection: CollectionMap, field: string): string {
  return collection.fields.find((one) => one.name === field)?.column ?? field;
}

/** `schema.table` as SQL. */
export function tableRef(collection: {
  readonly schema: string;
  readonly table: string;
}): RawBuilder<unknown> {
  return sql`${sql.id(collection.schema, collection.table)}`;
}

/** The condition that holds for the rows of these subjects; nested for collections that lead there through others. */
export function rowsOf(
  dataMap: DataMap,
  collection: RelatedCollection,
  subjects: readonly string[],
): RawBuilder<SqlBool> {
  const { subject } = collection;
  if ('field' in subject)
    return sql`${sql.id(columnOf(collection, subject.field))} = any(${subjects}::uuid[])`;
  const parent = parentOf(dataMap, collection);
  if (parent === null) return sql`false`;
  const own = sql.id(columnOf(collection, subject.via.field));
  const target = sql.id(columnOf(parent, subject.via.toField));
  return sql`${own} in (select ${target} from ${tableRef(parent)} where ${rowsOf(dataMap, parent, subjects)})`;
}

/** The collection that the subject link goes through. */
export function parentOf(dataMap: DataMap, collection: RelatedCollection): RelatedCollection | null {
  if (!('via' in collection.subject)) return null;
  const parent = dataMap.collection(collection.subject.via.to);
  return parent === null || parent.subject === null ? null : (parent as RelatedCollection); // subject was just checked
}

/** How rows lead to the person, in words. */
export function describePath(collection: RelatedCollection): string {
  const { subject } = collection;
  return 'field' in subject
    ? subject.field
    : `${subject.via.field} -> ${subject.via.to}.${subject.via.toField}`;
}

/** The condition that holds for rows that carry one of these identifiers, or null when the field cannot be searched. */
export type IdentityField = {
  readonly collection: RelatedCollection;
  readonly field: FieldMap;
  readonly kind: 'email' | 'phone';
};

/** Fields by which a person can be found. */
export function identityFields(dataMap: DataMap): readonly IdentityField[] {
  return relatedCollections(dataMap).flatMap((collection) =>
    collection.fields.flatMap((field) =>
      field.identity === 'email' || field.identity === 'phone'
        ? [{ collection, field, kind: field.identity }]
        : [],
    ),
  );
}

/**
 * Referencing collections before referenced ones.
 *
 * @param pointsTo - names of collections that a collection's rows point to
 */
export function inDeletionOrder<Item>(
  items: readonly Item[],
  nameOf: (item: Item) => string,
  pointsTo: (item: Item) => readonly string[],
): readonly Item[] {
  const byName = new Map(items.map((item) => [nameOf(item), item]));
  const order: Item[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const visit = (item: Item): void => {
    const name = nameOf(item);
    if (state.has(name)) return;
    state.set(name, 'open');
    for (const target of pointsTo(item)) {
      const parent = byName.get(target);
      if (parent !== undefined) visit(parent);
    }
    state.set(name, 'done');
    order.push(item);
  };
  for (const item of items) visit(item);
  return order.toReversed();
}
