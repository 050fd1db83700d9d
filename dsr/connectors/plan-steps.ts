import type { CollectionMap, DataMap, FieldMap } from '../../datamap/index.ts';
import { sql, type Tx } from '../../db/index.ts';
import type { PlanExemption, PlanField, PlanStep } from '../plan-document.ts';
import type { Catalog } from './catalog.ts';
import {
  describePath,
  inDeletionOrder,
  relatedCollections,
  rowsOf,
  tableRef,
  type RelatedCollection,
} from './relations.ts';
import { runTemplate, slot } from './run-prepared.ts';

type Exemption = NonNullable<CollectionMap['erasure']['exemption']>;
type Draft = Omit<PlanStep, 'order' | 'rows'> & { readonly source: RelatedCollection };

const drafted = new WeakMap<Catalog, Map<string, readonly Draft[]>>();

/** Steps without counts, in the order of execution; worked out once per catalog and map. */
export function draftSteps(dataMap: DataMap, catalog: Catalog, type: 'access' | 'erasure'): readonly Draft[] {
  const known = drafted.get(catalog) ?? new Map<string, readonly Draft[]>();
  drafted.set(catalog, known);
  const key = `${type} ${dataMap.revision}`;
  const drafts = known.get(key) ?? makeDrafts(dataMap, catalog, type);
  known.set(key, drafts);
  return drafts;
}

function makeDrafts(dataMap: DataMap, catalog: Catalog, type: 'access' | 'erasure'): readonly Draft[] {
  const related = relatedCollections(dataMap);
  const ordered = inDeletionOrder(related, tableName, (one) => targetsOf(dataMap, catalog, one));
  if (type === 'access') return ordered.map(exportStep);
  const stays = stayingTables(dataMap, catalog, related);
  return ordered.map((collection) => erasureStep(collection, stays.get(tableName(collection)) ?? null));
}

const tableName = (one: { readonly schema: string; readonly table: string }): string =>
  `${one.schema}.${one.table}`;

function targetsOf(dataMap: DataMap, catalog: Catalog, collection: RelatedCollection): readonly string[] {
  const { subject } = collection;
  const mapped = collection.fields.flatMap(({ references }) =>
    references === null ? [] : [`${references.service}.${references.collection}`],
  );
  const via = 'via' in subject ? [subject.via.to] : [];
  const tables = [...mapped, ...via].flatMap((name) => {
    const target = dataMap.collection(name);
    return target === null ? [] : [tableName(target)];
  });
  return [...tables, ...(catalog.table(collection.schema, collection.table)?.references ?? [])];
}

/** Tables whose rows cannot go because rows that stay point at them, with the reason; grows along the foreign keys. */
function stayingTables(
  dataMap: DataMap,
  catalog: Catalog,
  related: readonly RelatedCollection[],
): ReadonlyMap<string, string> {
  const stays = new Map<string, string>();
  const collections = dataMap.services.flatMap((service) => service.collections);
  const kept = related.filter((one) => one.erasure.action !== 'delete');
  const queue = kept.map(tableName);
  for (let at = 0; at < queue.length; at += 1) {
    const from = queue[at] ?? '';
    for (const { to } of catalog.incoming.filter((one) => one.from === from)) {
      const target = collections.find((one) => tableName(one) === to);
      if (stays.has(to) || target === undefined || target.erasure.action !== 'delete') continue;
      stays.set(
        to,
        `rows of ${from} stay and point here by a foreign key: the row stays, its personal fields go`,
      );
      queue.push(to);
    }
  }
  return stays;
}

function erasureStep(collection: RelatedCollection, staysBecause: string | null): Draft {
  const declared = collection.erasure;
  const action = declared.action === 'delete' && staysBecause !== null ? 'fields' : declared.action;
  const fields = collection.fields.map((field): PlanField => {
    if (action === 'delete') return { field: field.name, action: 'delete', exemption: null };
    const exemption = field.erasure.exemption ?? declared.exemption;
    if (action === 'keep') return { field: field.name, action: 'keep', exemption: exemption?.code ?? null };
    const how = fieldAction(collection, field);
    return {
      field: field.name,
      action: how,
      exemption: how === 'keep' ? (field.erasure.exemption?.code ?? null) : null,
    };
  });
  return {
    ...describe(collection),
    action,
    exemption:
      action === 'delete' || declared.exemption === undefined ? null : exemptionOf(declared.exemption),
    fields,
    note: staysBecause,
  };
}

/** What becomes of a field whose row stays. */
function fieldAction(collection: RelatedCollection, field: FieldMap): PlanField['action'] {
  const link = 'field' in collection.subject ? collection.subject.field : collection.subject.via.field;
  if (field.name === collection.primaryKey || field.name === link || field.references !== null) return 'keep';
  if (field.erasure.action === 'keep' || (field.erasure.action === 'delete' && field.sensitivity === 'none'))
    return 'keep';
  if (field.nullable && field.erasure.action !== 'pseudonymise') return 'null';
  // A ciphertext under the person's key is unreadable once the key is destroyed; its index values go with the update.
  return field.encryption.mode === 'field' ? 'shred' : 'pseudonymise';
}

function exportStep(collection: RelatedCollection): Draft {
  const fields = collection.fields
    .filter((field) => field.exportable)
    .map((field): PlanField => ({ field: field.name, action: 'export', exemption: null }));
  return { ...describe(collection), action: 'export', exemption: null, fields, note: null };
}

function describe(
  collection: RelatedCollection,
): Pick<Draft, 'system' | 'collection' | 'table' | 'path' | 'source'> {
  return {
    system: collection.service,
    collection: collection.type,
    table: tableName(collection),
    path: describePath(collection),
    source: collection,
  };
}

function exemptionOf(exemption: Exemption): PlanExemption {
  return {
    code: exemption.code,
    basis: exemption.basis,
    citation: exemption.citation,
    until: exemption.until ?? null,
  };
}

/** Counts the rows of every step in one statement. */
export async function countSteps(
  dataMap: DataMap,
  tx: Tx,
  drafts: readonly Draft[],
  subjects: readonly string[],
): Promise<readonly PlanStep[]> {
  if (drafts.length === 0) return [];
  const { rows } = await runTemplate<{ position: number; rows: number }>(
    tx,
    { owner: drafts, name: 'count', values: { subjects } },
    () => {
      const counts = drafts.map(({ source }, index) => {
        const where = rowsOf(dataMap, source, slot<readonly string[]>('subjects'));
        return sql`select ${sql.lit(index)} as position, count(*)::integer as rows from ${tableRef(source)} where ${where}`;
      });
      return sql.join(counts, sql` union all `);
    },
  );
  const byPosition = new Map(rows.map((row) => [row.position, row.rows]));
  return drafts.map(({ source: _source, ...step }, index) => ({
    ...step,
    order: index + 1,
    rows: byPosition.get(index) ?? 0,
  }));
}

/** What a person should know before approving. */
export function warningsOf(dataMap: DataMap, steps: readonly PlanStep[]): readonly string[] {
  const unlinked = dataMap.services
    .flatMap((service) => service.collections)
    .filter(
      (collection) =>
        collection.subject === null && collection.fields.some((field) => pointsAtPerson(dataMap, field)),
    )
    .map(
      (collection) =>
        `${collection.type} points at a person but declares no subject link: its rows are not touched`,
    );
  const unfounded = steps
    .filter((step) => step.action === 'keep' && step.exemption === null)
    .map(
      (step) =>
        `${step.collection} is kept without a declared exemption: what is found there counts as left behind`,
    );
  return [
    ...unlinked,
    ...unfounded,
    ...steps.flatMap((step) => (step.note === null ? [] : [`${step.collection}: ${step.note}`])),
  ];
}

function pointsAtPerson(dataMap: DataMap, field: FieldMap): boolean {
  const { references } = field;
  if (references === null) return false;
  return (dataMap.collection(`${references.service}.${references.collection}`)?.subject ?? null) !== null;
}
