import { queryBuilder, sql, type Tx } from '../../db/index.ts';
import type { TrailFilter } from '../schema.ts';
import { plainConditions, projectedTerms, readOperators } from '../trail-filter.ts';
import { selectProjectedSize } from './store.ts';
import { termQuery } from './terms.ts';

/** An entry found, with its bytes. */
export type FoundEntry = { readonly seq: number; readonly body: Buffer };

/** A page: entries before a number, newest first. */
export type EntryPage = { readonly before: number | null; readonly limit: number };

/** Entries that are looked through one by one before the index is asked. */
const windowEntries = 20_000;

/**
 * Entries that match, newest first.
 *
 * How often a word stands in a log is not known beforehand. A common one fills a page from the newest entries, which
 * are read in order; for what is left the index gives all the places of a word that is rare, and only those are read.
 */
export async function searchEntries(
  tx: Tx,
  filter: TrailFilter,
  page: EntryPage,
): Promise<readonly FoundEntry[]> {
  const read = readOperators(filter);
  const terms = projectedTerms(read);
  const conditions = plainConditions(tx.tenantId, read);
  if (page.before !== null) conditions.push(sql<boolean>`e.seq < ${page.before}::bigint`);
  const where = sql.join(conditions, sql` and `);
  const ending = sql`order by e.seq desc limit ${page.limit}`;
  if (terms.length === 0) {
    return run(tx, sql<FoundEntry>`select e.seq, e.body from audit.entry e where ${where} ${ending}`);
  }
  const matches = sql`s.tenant_id = ${tx.tenantId}::uuid and s.terms @@ ${termQuery(tx.tenantId, terms)}::tsquery`;
  const end = page.before ?? (await projectedEnd(tx));
  const from = Math.max(0, end - windowEntries);
  const newest = await run(
    tx,
    sql<FoundEntry>`select e.seq, e.body from audit.entry e join audit.search_entry s on s.tenant_id = e.tenant_id and s.seq = e.seq
      where ${where} and ${matches} and s.seq >= ${from}::bigint and s.seq < ${end}::bigint ${ending}`,
  );
  if (newest.length >= page.limit || from === 0) return newest;
  // OFFSET 0 keeps the planner, which guesses wildly at beginnings of words, from reading the whole log instead.
  const older = await run(
    tx,
    sql<FoundEntry>`select e.seq, e.body from
      (select s.seq from audit.search_entry s where ${matches} and s.seq < ${from}::bigint offset 0) h cross join lateral
      (select x.* from audit.entry x where x.tenant_id = ${tx.tenantId}::uuid and x.seq = h.seq offset 0) e
      where ${where} order by e.seq desc limit ${page.limit - newest.length}`,
  );
  return [...newest, ...older];
}

async function run(tx: Tx, query: ReturnType<typeof sql<FoundEntry>>): Promise<readonly FoundEntry[]> {
  return (await tx.run<FoundEntry>(query.compile(queryBuilder))).rows;
}

async function projectedEnd(tx: Tx): Promise<number> {
  return (await tx.query<{ size: number }>(selectProjectedSize)).rows[0]?.size ?? 0;
}
