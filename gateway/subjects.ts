import { sql, type Tx } from '../db/index.ts';
import type { CollectionMap, DataMap } from '../datamap/index.ts';
import { parseSubjectId, type SubjectId } from '../kernel/index.ts';
import { columnNamed, columnOf, run, tableOf, type StoredRow } from './row-query.ts';

/** Longest chain of links from a row to its person. */
const maxHops = 5;

/** The people that rows belong to, following links through other collections; at most 1,000. */
export async function subjectsOf(
  tx: Tx,
  map: DataMap,
  collection: CollectionMap,
  rows: readonly StoredRow[],
): Promise<readonly SubjectId[]> {
  let current = collection;
  let link = linkValues(current, rows);
  for (let hop = 0; hop < maxHops && link.length > 0; hop += 1) {
    const { subject } = current;
    if (subject === null) return [];
    if ('field' in subject) return link.slice(0, 1_000).map(parseSubjectId);
    const next = map.collection(subject.via.to);
    if (next === null || next.subject === null) return [];
    const from = columnNamed(next, subject.via.toField);
    const to = linkColumn(next) ?? from;
    const found = await run(
      tx,
      sql`select distinct ${columnOf(to)}::text as link from ${tableOf(next)}
        where ${columnOf(next.tenantColumn)} = ${tx.tenantId}::uuid and ${columnOf(from)}::text = any(${link}::text[])`,
    );
    link = found.map((row) => row['link']).filter((value): value is string => typeof value === 'string');
    current = next;
  }
  return [];
}

function linkColumn(collection: CollectionMap): string | null {
  const { subject } = collection;
  if (subject === null) return null;
  return columnNamed(collection, 'field' in subject ? subject.field : subject.via.field);
}

function linkValues(collection: CollectionMap, rows: readonly StoredRow[]): readonly string[] {
  const column = linkColumn(collection);
  if (column === null) return [];
  const values = rows.map((row) => row[column]).filter((value) => value !== null && value !== undefined);
  return [...new Set(values.map(String))];
}
