import type { DataMap } from '../../datamap/index.ts';
import { dsrError } from '../errors.ts';
import type { Catalog } from './catalog.ts';
import { relatedCollections, type RelatedCollection } from './relations.ts';

/**
 * Proves that erasure can be complete: a missing table, column, key or right is a failure, never a silent success.
 *
 * @throws ERR_DSR_SYSTEM_UNREADY naming everything that is missing
 */
export function requireReady(dataMap: DataMap, catalog: Catalog): void {
  const related = relatedCollections(dataMap);
  const problems = [
    ...related.flatMap((collection) => problemsOf(collection, catalog)),
    ...unmapped(dataMap, catalog),
  ];
  if (problems.length === 0) return;
  throw dsrError(
    'ERR_DSR_SYSTEM_UNREADY',
    `the data map and the database do not fit: ${problems.slice(0, 5).join('; ')}; mend them and try again`,
    {
      details: { problems },
    },
  );
}

function problemsOf(collection: RelatedCollection, catalog: Catalog): readonly string[] {
  const table = catalog.table(collection.schema, collection.table);
  const name = `${collection.schema}.${collection.table}`;
  if (table === null) return [`table ${name} of ${collection.type} does not exist`];
  const problems: string[] = [];
  if (collection.primaryKey === '') problems.push(`${collection.type} declares no primary key`);
  if (!table.has_primary_key) problems.push(`table ${name} has no primary key`);
  const columns = new Set(table.columns.map((column) => column.name));
  if (!columns.has('tenant_id')) problems.push(`table ${name} has no tenant_id`);
  for (const field of collection.fields) {
    const indexes =
      field.encryption.mode === 'field' ? field.encryption.indexes.map((index) => index.column) : [];
    for (const column of [field.column, ...indexes]) {
      if (!columns.has(column)) problems.push(`column ${name}.${column} does not exist`);
    }
  }
  if (!table.can_select) problems.push(`no right to read ${name}`);
  if (collection.erasure.action === 'delete' && !table.can_delete)
    problems.push(`no right to delete from ${name}`);
  if (collection.erasure.action === 'fields' && !table.can_update)
    problems.push(`no right to update ${name}`);
  return problems;
}

/** A table outside the map that points at a person's rows would hold what nobody looks after. */
function unmapped(dataMap: DataMap, catalog: Catalog): readonly string[] {
  const tablesOf = (list: readonly { schema: string; table: string }[]): Set<string> =>
    new Set(list.map((one) => `${one.schema}.${one.table}`));
  const mapped = tablesOf(dataMap.services.flatMap((service) => service.collections));
  const personal = tablesOf(relatedCollections(dataMap));
  return catalog.incoming
    .filter(({ from, to }) => personal.has(to) && !mapped.has(from))
    .map(({ from, to }) => `table ${from} points at ${to} but stands in no data map`);
}
