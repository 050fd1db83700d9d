import { sql, type Tx } from '../../db/index.ts';
import { parseLeafBody, type LeafBody } from '../leaf.ts';
import type { TrailFilter } from '../schema.ts';
import { matchingEntries } from '../trail-filter.ts';

/** What somebody did in one session. */
export type TimelineSession = {
  /** Null: calls that belong to no session, such as those of service accounts. */
  readonly session: string | null;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly events: number;
  readonly denied: number;
  readonly subjects: number;
  readonly highestLevel: number | null;
  readonly actions: readonly { readonly value: string; readonly count: number }[];
};
/** An actor's sessions, newest first. */
export type Timeline = {
  readonly sessions: readonly TimelineSession[];
  /** Events that were looked at. */
  readonly scanned: number;
  /** Where an older page begins; null at the beginning of the log. */
  readonly before: number | null;
};

const eventsPerPage = 5_000;

/** @param before - only events before this sequence number */
export async function readTimeline(
  tx: Tx,
  actor: string,
  { from, to }: Pick<TrailFilter, 'from' | 'to'>,
  before: number | null,
): Promise<Timeline> {
  const filter = { actor, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
  let query = matchingEntries(tx.tenantId, filter).select(['e.seq', 'e.body']);
  if (before !== null) query = query.where(sql<boolean>`e.seq < ${before}::bigint`);
  const { rows } = await tx.run<{ seq: number; body: Buffer }>(
    query.orderBy('e.seq', 'desc').limit(eventsPerPage).compile(),
  );
  const groups = new Map<string | null, { seq: number; body: LeafBody }[]>();
  for (const { seq, body } of rows) {
    const parsed = parseLeafBody(body);
    const session = parsed.actor.session ?? null;
    const known = groups.get(session);
    if (known === undefined) groups.set(session, [{ seq, body: parsed }]);
    else known.push({ seq, body: parsed });
  }
  const sessions = [...groups].map(([session, events]) => summarise(session, events));
  return {
    sessions: sessions.toSorted((left, right) => right.lastSeq - left.lastSeq),
    scanned: rows.length,
    before: rows.length === eventsPerPage ? (rows.at(-1)?.seq ?? null) : null,
  };
}

/** @param events - newest first, at least one */
function summarise(
  session: string | null,
  events: readonly { readonly seq: number; readonly body: LeafBody }[],
): TimelineSession {
  const counts = new Map<string, number>();
  const subjects = new Set<string>();
  let highestLevel: number | null = null;
  for (const { body } of events) {
    counts.set(body.action, (counts.get(body.action) ?? 0) + 1);
    for (const subject of body.subjects ?? []) subjects.add(subject);
    if (body.actor.level !== undefined) highestLevel = Math.max(highestLevel ?? 0, body.actor.level);
  }
  const [newest] = events;
  const oldest = events.at(-1);
  return {
    session,
    firstSeq: oldest?.seq ?? 0,
    lastSeq: newest?.seq ?? 0,
    firstAt: oldest?.body.occurredAt ?? '',
    lastAt: newest?.body.occurredAt ?? '',
    events: events.length,
    denied: events.filter(({ body }) => body.outcome === 'denied').length,
    subjects: subjects.size,
    highestLevel,
    actions: [...counts]
      .map(([value, count]) => ({ value, count }))
      .toSorted((left, right) => right.count - left.count || left.value.localeCompare(right.value, 'en')),
  };
}
