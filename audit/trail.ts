import { invalidRequest, type EventDefinition } from '../kernel/index.ts';
import { queryBuilder, sql, type Tx } from '../db/index.ts';
import type { AuditCrypto } from './crypto-need.ts';
import { entryMissing } from './keeping/retention.ts';
import { parseLeafBody, type LeafBody } from './leaf.ts';
import { commitmentsOf, openGroups } from './open-groups.ts';
import type { TrailFilter, TrailQuery } from './schema.ts';
import { readCursor, writeCursor } from './seq-cursor.ts';
import { readDetail } from './read-detail.ts';
import { searchEntries } from './search/search-entries.ts';
import { selectEntry } from './store-read.ts';
import { matchingEntries } from './trail-filter.ts';
import { createSummariser, viewEvent, viewItem, type TrailEvent, type TrailItem } from './trail-view.ts';

/** Reading the trail of the transaction's tenant. */
export type Trail = {
  /** Newest first, keyset pages. */
  readonly search: (
    tx: Tx,
    query: TrailQuery,
  ) => Promise<{ readonly items: readonly TrailItem[]; readonly nextCursor: string | null }>;
  /** Everything that was done with one person's data, newest first. */
  readonly history: (tx: Tx, subjectId: string, limit?: number) => Promise<readonly TrailItem[]>;
  /** @throws ERR_NOT_FOUND */
  readonly event: (tx: Tx, seq: number) => Promise<TrailEvent>;
  readonly histogram: (tx: Tx, filter: TrailFilter, now: Date) => Promise<Histogram>;
  readonly facets: (tx: Tx, filter: TrailFilter) => Promise<Facets>;
  /** Entries as a list shows them. */
  readonly view: (tx: Tx, rows: readonly EntryBytes[]) => Promise<readonly TrailItem[]>;
};

/** Events per slice of time. */
export type Histogram = {
  readonly from: string;
  readonly to: string;
  readonly stepSeconds: number;
  readonly buckets: readonly {
    readonly at: string;
    readonly success: number;
    readonly failure: number;
    readonly denied: number;
  }[];
};

type FacetCount = { readonly value: string; readonly count: number };
/** Counts over the newest matches, at most 50,000 of them. */
export type Facets = {
  readonly scanned: number;
  readonly actions: readonly FacetCount[];
  readonly outcomes: readonly FacetCount[];
  readonly actors: readonly FacetCount[];
};

/** An entry and its number. */
export type EntryBytes = { readonly seq: number; readonly body: Buffer };
type EntryRow = { readonly seq: number; readonly body: Buffer; readonly leafHash: Buffer };

const facetScanLimit = 50_000;
const facetValues = 20;
const histogramBuckets = 60;
const defaultHistogramMilliseconds = 7 * 86_400_000;

/** @param definitions - for the sentence that each event is shown with */
export function createTrail(
  crypto: Pick<AuditCrypto, 'open'>,
  definitions: readonly EventDefinition[],
): Trail {
  const summarise = createSummariser(definitions);
  const view = async (tx: Tx, rows: readonly EntryBytes[]): Promise<readonly TrailItem[]> => {
    const bodies = rows.map(({ body }) => parseLeafBody(body));
    const groups = await openGroups(tx, crypto, commitmentsOf(bodies));
    return rows.map(({ seq }, at) => viewItem(seq, bodies[at] as LeafBody, groups, summarise)); // one body per row
  };
  const search = async (tx: Tx, { cursor, limit, ...filter }: TrailQuery) => {
    const before = cursor === undefined ? null : readCursor(cursor);
    const rows = await searchEntries(tx, filter, { before, limit: limit + 1 });
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    return {
      items: await view(tx, page),
      nextCursor: rows.length > limit && last !== undefined ? writeCursor(last.seq) : null,
    };
  };
  const event = async (tx: Tx, seq: number): Promise<TrailEvent> => {
    const { rows } = await tx.query<EntryRow>(selectEntry, [tx.tenantId, seq]);
    const [row] = rows;
    if (row === undefined) throw await entryMissing(tx, seq);
    const body = parseLeafBody(row.body);
    const groups = await openGroups(tx, crypto, commitmentsOf([body]));
    return viewEvent(viewItem(seq, body, groups, summarise), row, body, groups, await readDetail(tx, body));
  };
  return Object.freeze({
    search,
    history: async (tx: Tx, subjectId: string, limit = 200) =>
      (await search(tx, { subject: subjectId, limit })).items,
    event,
    histogram: readHistogram,
    facets: readFacets,
    view,
  });
}

async function readHistogram(tx: Tx, filter: TrailFilter, now: Date): Promise<Histogram> {
  const to = filter.to ?? now;
  const from = filter.from ?? new Date(to.getTime() - defaultHistogramMilliseconds);
  if (from >= to) throw invalidRequest('"from" must be before "to"');
  const stepSeconds = Math.max(1, Math.ceil((to.getTime() - from.getTime()) / 1000 / histogramBuckets));
  const bucket = sql<Date>`date_bin(make_interval(secs => ${stepSeconds}), e.occurred_at, ${from}::timestamptz)`;
  const query = matchingEntries(tx.tenantId, { ...filter, from, to })
    .select([bucket.as('at'), 'e.outcome', sql<number>`count(*)::integer`.as('count')])
    .groupBy([sql`1`, 'e.outcome']);
  const { rows } = await tx.run<{ at: Date; outcome: 'success' | 'failure' | 'denied'; count: number }>(
    query.compile(),
  );
  const buckets = new Map<string, { at: string; success: number; failure: number; denied: number }>();
  for (const { at, outcome, count } of rows) {
    const name = at.toISOString();
    const found = buckets.get(name) ?? { at: name, success: 0, failure: 0, denied: 0 };
    buckets.set(name, { ...found, [outcome]: count });
  }
  const sorted = [...buckets.values()].toSorted((a, b) => a.at.localeCompare(b.at));
  return { from: from.toISOString(), to: to.toISOString(), stepSeconds, buckets: sorted };
}

async function readFacets(tx: Tx, filter: TrailFilter): Promise<Facets> {
  const newest = matchingEntries(tx.tenantId, filter)
    .select(['e.action', 'e.outcome', 'e.actor_id'])
    .orderBy('e.seq', 'desc')
    .limit(facetScanLimit);
  const query = sql<{ facet: number; value: string; count: number }>`
    select grouping(m.action, m.outcome, m.actor_id) as facet, coalesce(m.action, m.outcome, m.actor_id) as value, count(*)::integer as count
    from (${newest}) m group by grouping sets ((m.action), (m.outcome), (m.actor_id)) order by count(*) desc, 2`;
  const { rows } = await tx.run<{ facet: number; value: string; count: number }>(query.compile(queryBuilder));
  const of = (facet: number): FacetCount[] =>
    rows
      .filter((row) => row.facet === facet)
      .slice(0, facetValues)
      .map(({ value, count }) => ({ value, count }));
  const outcomes = of(0b101);
  return {
    scanned: outcomes.reduce((sum, { count }) => sum + count, 0),
    actions: of(0b011),
    outcomes,
    actors: of(0b110),
  };
}
