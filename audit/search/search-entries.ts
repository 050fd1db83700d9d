import { queryBuilder, sql, type Tx } from '../../db/index.ts';
import type { TrailFilter } from '../schema.ts';
import { plainConditions, projectedTerms, readOperators, type ReadFilter } from '../trail-filter.ts';
import { selectProjectedSize } from './store.ts';
import { termQuery } from './terms.ts';
import { readSeqRun, straysOutside, type SeqRun } from './time-range.ts';

/** An entry found, with its bytes. */
export type FoundEntry = { readonly seq: number; readonly body: Buffer };

/** A page: entries before a number, newest first. */
export type EntryPage = { readonly before: number | null; readonly limit: number };

/** Entries that are looked through one by one before the index is asked: at first, and once it is known how many match. */
const firstWindow = 2_000;
const largestWindow = 40_000;

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
  const span = await readSeqRun(tx, read);
  if (span === null) return searchRun(tx, read, page, everything);
  const within = await searchRun(tx, read, page, span);
  const strays = await searchStrays(tx, read, page, span);
  return [...within, ...strays].toSorted((left, right) => right.seq - left.seq).slice(0, page.limit);
}

const everything: SeqRun = { low: null, high: null };

async function searchRun(
  tx: Tx,
  read: ReadFilter,
  page: EntryPage,
  span: SeqRun,
): Promise<readonly FoundEntry[]> {
  const terms = projectedTerms(read);
  const conditions = plainConditions(tx.tenantId, read);
  const before = page.before === null ? span.high : Math.min(page.before, span.high ?? page.before);
  if (before !== null) conditions.push(sql<boolean>`e.seq < ${before}::bigint`);
  if (span.low !== null) conditions.push(sql<boolean>`e.seq >= ${span.low}::bigint`);
  const where = sql.join(conditions, sql` and `);
  const ending = sql`order by e.seq desc limit ${page.limit}`;
  if (terms.length === 0) {
    return run(tx, sql<FoundEntry>`select e.seq, e.body from audit.entry e where ${where} ${ending}`);
  }
  const end = before ?? (await projectedEnd(tx));
  const begin = span.low ?? 0;
  const newest = await searchWindow(tx, { where, terms, limit: page.limit }, end - firstWindow, end);
  const wanted = page.limit - newest.length;
  let reached = Math.max(begin, end - firstWindow);
  if (wanted <= 0 || reached === begin) return newest;
  const hopeful = newest.length === 0 ? 0 : Math.ceil(((firstWindow * wanted) / newest.length) * 1.5);
  if (hopeful > 0 && hopeful <= largestWindow) {
    const from = reached - hopeful;
    const more = await searchWindow(tx, { where, terms, limit: wanted }, from, reached);
    newest.push(...more);
    reached = Math.max(begin, from);
    if (newest.length >= page.limit || reached === begin) return newest;
  }
  const left = page.limit - newest.length;
  return [...newest, ...(await searchPlaces(tx, { where, terms, limit: left }, begin, reached, read))];
}

/** By all places of the terms from one number and before another. */
async function searchPlaces(
  tx: Tx,
  { where, terms, limit }: Wanted,
  begin: number,
  end: number,
  read: ReadFilter,
): Promise<readonly FoundEntry[]> {
  // OFFSET 0 keeps the planner, which guesses wildly at beginnings of words, from walking the log instead.
  const places = sql`select s.seq from audit.search_entry s where ${termMatches(tx, terms)}
    and s.seq >= ${begin}::bigint and s.seq < ${end}::bigint offset 0`;
  const byTermsAlone = plainConditions(tx.tenantId, read).length === 1; // the tenant
  const hits = byTermsAlone
    ? sql`(select p.seq from (${places}) p order by p.seq desc limit ${limit}) h`
    : sql`(${places}) h`;
  return run(
    tx,
    sql<FoundEntry>`select e.seq, e.body from ${hits} cross join lateral
      (select x.* from audit.entry x where x.tenant_id = ${tx.tenantId}::uuid and x.seq = h.seq offset 0) e
      where ${where} order by e.seq desc limit ${limit}`,
  );
}

type Wanted = {
  readonly where: ReturnType<typeof sql>;
  readonly terms: ReturnType<typeof projectedTerms>;
  readonly limit: number;
};

async function searchWindow(
  tx: Tx,
  { where, terms, limit }: Wanted,
  from: number,
  end: number,
): Promise<FoundEntry[]> {
  return run(
    tx,
    sql<FoundEntry>`select e.seq, e.body from audit.entry e join audit.search_entry s on s.tenant_id = e.tenant_id and s.seq = e.seq
      where ${where} and ${termMatches(tx, terms)} and s.seq >= ${from}::bigint and s.seq < ${end}::bigint
      order by e.seq desc limit ${limit}`,
  );
}

async function searchStrays(
  tx: Tx,
  read: ReadFilter,
  page: EntryPage,
  span: SeqRun,
): Promise<readonly FoundEntry[]> {
  const terms = projectedTerms(read);
  const conditions = plainConditions(tx.tenantId, read);
  if (page.before !== null) conditions.push(sql<boolean>`e.seq < ${page.before}::bigint`);
  if (terms.length > 0)
    conditions.push(
      sql<boolean>`exists (select 1 from audit.search_entry s where s.seq = e.seq and ${termMatches(tx, terms)})`,
    );
  return run(
    tx,
    sql<FoundEntry>`select e.seq, e.body from ${straysOutside(tx.tenantId, read, span)}
      where ${sql.join(conditions, sql` and `)} order by e.seq desc limit ${page.limit}`,
  );
}

const termMatches = (tx: Tx, terms: ReturnType<typeof projectedTerms>) =>
  sql<boolean>`s.tenant_id = ${tx.tenantId}::uuid and s.terms @@ ${termQuery(tx.tenantId, terms)}::tsquery`;

async function run(tx: Tx, query: ReturnType<typeof sql<FoundEntry>>): Promise<FoundEntry[]> {
  return [...(await tx.run<FoundEntry>(query.compile(queryBuilder))).rows];
}

async function projectedEnd(tx: Tx): Promise<number> {
  return (await tx.query<{ size: number }>(selectProjectedSize)).rows[0]?.size ?? 0;
}
