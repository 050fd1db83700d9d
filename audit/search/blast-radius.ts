import { queryBuilder, sql, type Tx } from '../../db/index.ts';
import { invalidRequest } from '../../kernel/index.ts';
import type { TrailFilter } from '../schema.ts';
import { matchingEntries } from '../trail-filter.ts';

/** What a credential touched: which people, which records, by which actions. */
export type BlastRadius = {
  readonly events: number;
  readonly firstSeq: number | null;
  readonly lastSeq: number | null;
  readonly firstAt: Date | null;
  readonly lastAt: Date | null;
  readonly denied: number;
  readonly actions: readonly { readonly value: string; readonly count: number }[];
  /** All people; the page below names them. */
  readonly subjectCount: number;
  readonly subjects: readonly Touched[];
  readonly recordCount: number;
  readonly records: readonly Touched[];
};
/** A person or a record, with how often and when it was touched. */
export type Touched = {
  readonly id: string;
  readonly events: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
};
/** A page of people and records. */
export type BlastPage = {
  readonly afterSubject: string;
  readonly afterRecord: string;
  readonly limit: number;
};

const topActions = 50;

/**
 * Everything that an actor or a session touched.
 *
 * @param filter - must name an actor, a session, a trace or a request
 * @throws ERR_INVALID_REQUEST
 */
export async function readBlastRadius(tx: Tx, filter: TrailFilter, page: BlastPage): Promise<BlastRadius> {
  const { actor, session, trace, request } = filter;
  if (actor === undefined && session === undefined && trace === undefined && request === undefined)
    throw invalidRequest('name the credential: "actor", "session", "trace" or "request"');
  const matches = matchingEntries(tx.tenantId, filter).select([
    'e.seq',
    'e.occurred_at',
    'e.action',
    'e.outcome',
    'e.targets',
  ]);
  type Summary = Omit<BlastRadius, 'actions' | 'subjects' | 'subjectCount' | 'records' | 'recordCount'>;
  const summary = sql<Summary>`select count(*)::integer as events, min(seq) as "firstSeq", max(seq) as "lastSeq",
      min(occurred_at) as "firstAt", max(occurred_at) as "lastAt", (count(*) filter (where outcome = 'denied'))::integer as denied from (${matches}) m`;
  const actions = sql<{ value: string; count: number }>`select action as value, count(*)::integer as count
      from (${matches}) m group by action order by count(*) desc, action limit ${topActions}`;
  const subjects = sql<Touched>`select s.subject_id::text as id, count(*)::integer as events,
      min(m.seq) as "firstSeq", max(m.seq) as "lastSeq"
      from (${matches}) m join audit.entry_subject s on s.tenant_id = ${tx.tenantId}::uuid and s.seq = m.seq
      group by s.subject_id order by s.subject_id`;
  const records = sql<Touched>`select t.id, count(*)::integer as events, min(m.seq) as "firstSeq",
      max(m.seq) as "lastSeq"
      from (${matches}) m cross join lateral unnest(string_to_array(m.targets, ' ')) t (id) group by t.id order by t.id`;
  const paged = (list: typeof subjects, after: string) =>
    sql<Touched>`select * from (${list}) p where p.id > ${after} order by p.id limit ${page.limit}`;
  const [head] = (await tx.run<Summary>(summary.compile(queryBuilder))).rows;
  const byAction = await tx.run<{ value: string; count: number }>(actions.compile(queryBuilder));
  const people = await tx.run<Touched>(paged(subjects, page.afterSubject).compile(queryBuilder));
  const things = await tx.run<Touched>(paged(records, page.afterRecord).compile(queryBuilder));
  const count = await countBoth(tx, matches);
  return {
    ...(head ?? { events: 0, firstSeq: null, lastSeq: null, firstAt: null, lastAt: null, denied: 0 }),
    actions: byAction.rows,
    ...count,
    subjects: people.rows,
    records: things.rows,
  };
}

async function countBoth(
  tx: Tx,
  matches: ReturnType<typeof matchingEntries>,
): Promise<{ subjectCount: number; recordCount: number }> {
  const query = sql<{ subjectCount: number; recordCount: number }>`with m as (${matches})
    select (select count(distinct s.subject_id)::integer from m join audit.entry_subject s on s.tenant_id = ${tx.tenantId}::uuid and s.seq = m.seq) as "subjectCount",
      (select count(distinct t.id)::integer from m cross join lateral unnest(string_to_array(m.targets, ' ')) t (id)) as "recordCount"`;
  const { rows } = await tx.run<{ subjectCount: number; recordCount: number }>(query.compile(queryBuilder));
  return rows[0] ?? { subjectCount: 0, recordCount: 0 };
}
