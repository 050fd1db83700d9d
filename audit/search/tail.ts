import { sql, type Database, type Tx } from '../../db/index.ts';
import type { TenantId } from '../../kernel/index.ts';
import type { TrailFilter } from '../schema.ts';
import { selectLogSize } from '../sinks/store.ts';
import { selectProjectedSize } from './store.ts';
import { matchingEntries, needsProjection } from '../trail-filter.ts';
import type { TrailItem } from '../trail-view.ts';

/** What following a log needs. */
export type TailDeps = {
  readonly database: Database;
  /** Views of entries, as a list of the trail shows them. */
  readonly view: (
    tx: Tx,
    rows: readonly { readonly seq: number; readonly body: Buffer }[],
  ) => Promise<readonly TrailItem[]>;
  /** Brings the projection up to date; called before reading with a filter that needs it. */
  readonly project: (tenantId: TenantId) => Promise<unknown>;
  readonly pollMilliseconds?: number;
  /** After this long the stream ends and the client comes back with `Last-Event-ID`, so that rights are looked at again. */
  readonly maxMilliseconds?: number;
};
/** What is followed. */
export type TailQuery = {
  readonly tenantId: TenantId;
  readonly filter: TrailFilter;
  /** First event of interest; null: only what comes from now on. */
  readonly from: number | null;
  readonly signal: AbortSignal;
};

const defaultPollMilliseconds = 400;
const defaultMaxMilliseconds = 600_000;
const heartbeatMilliseconds = 15_000;
const eventsPerRead = 200;

/**
 * Server-sent events: `id` is the sequence number, so that a client that comes back with `Last-Event-ID` misses nothing.
 * What the filter leaves out moves the id as well, by an event `position` without content of the trail.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export async function* followLog(deps: TailDeps, query: TailQuery): AsyncGenerator<string> {
  const endAt = Date.now() + (deps.maxMilliseconds ?? defaultMaxMilliseconds);
  let lastSent = Date.now();
  let next = query.from;
  yield 'retry: 1000\n\n';
  while (!query.signal.aborted && Date.now() < endAt) {
    const read = await readOn(deps, query, next);
    for (const item of read.items) yield `id: ${item.seq}\nevent: entry\ndata: ${JSON.stringify(item)}\n\n`;
    if (read.next !== next) {
      if (read.next > 0 && read.items.at(-1)?.seq !== read.next - 1)
        yield `id: ${read.next - 1}\nevent: position\ndata: ${read.next}\n\n`;
      lastSent = Date.now();
      next = read.next;
      if (read.more) continue;
    }
    if (Date.now() - lastSent >= heartbeatMilliseconds) {
      yield ': still here\n\n';
      lastSent = Date.now();
    }
    await pause(deps.pollMilliseconds ?? defaultPollMilliseconds, query.signal);
  }
}

type Read = { readonly items: readonly TrailItem[]; readonly next: number; readonly more: boolean };

async function readOn(
  { database, view, project }: TailDeps,
  { tenantId, filter }: TailQuery,
  next: number | null,
): Promise<Read> {
  const projected = needsProjection(filter);
  if (projected) await project(tenantId);
  return database.withTenant(
    tenantId,
    async (tx) => {
      const size =
        (await tx.query<{ size: number }>(projected ? selectProjectedSize : selectLogSize)).rows[0]?.size ??
        0;
      if (next === null || next >= size) return { items: [], next: next ?? size, more: false };
      const matches = matchingEntries(tenantId, filter)
        .select(['e.seq', 'e.body'])
        .where(sql<boolean>`e.seq >= ${next}::bigint and e.seq < ${size}::bigint`)
        .orderBy('e.seq')
        .limit(eventsPerRead);
      const { rows } = await tx.run<{ seq: number; body: Buffer }>(matches.compile());
      const full = rows.length === eventsPerRead;
      const reached = full ? (rows.at(-1)?.seq ?? size - 1) + 1 : size;
      return { items: await view(tx, rows), next: reached, more: full };
    },
    { readOnly: true },
  );
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((wake) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      wake();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done, { once: true });
  });
}
