import { defineRoute, invalidRequest, requirePrincipal, type AnyRoute } from '../../kernel/index.ts';
import type { Audit } from '../audit.ts';
import { describeFilters } from '../describe-filters.ts';
import { readSecurity, recordedReading, type ReadTrail } from '../read-trail.ts';
import type { BlastRadius } from './blast-radius.ts';
import {
  actorParamsSchema,
  blastQuerySchema,
  blastSchema,
  tailQuerySchema,
  timelineQuerySchema,
  timelineSchema,
} from './schema.ts';

/** Following, timelines and blast radius. */
export function createSearchRoutes(audit: Audit, readAs: ReadTrail): readonly AnyRoute[] {
  return [tailRoute(audit, readAs), timelineRoute(audit, readAs), blastRoute(audit, readAs)];
}

function tailRoute(audit: Audit, readAs: ReadTrail): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/tail',
    operationId: 'followAuditEvents',
    summary: 'Events as they come (server-sent events), resumable without a gap by Last-Event-ID',
    security: readSecurity,
    audit: recordedReading,
    request: { query: tailQuerySchema },
    responses: {
      200: { description: 'A stream; `id` is the sequence number', contentType: 'text/event-stream' },
    },
    handler: async ({ query: { from, ...filter }, headers, signal, ...caller }) => {
      const { tenantId } = requirePrincipal(caller.principal);
      const start = lastEventId(headers['last-event-id']) ?? from ?? null;
      const reading = {
        what: 'tail',
        filters: describeFilters(filter),
        ...(start === null ? {} : { seq: start }),
      } as const;
      await readAs(
        caller,
        reading,
        () => Promise.resolve(null),
        () => 0,
      );
      return {
        status: 200,
        headers: {
          'content-type': 'text/event-stream; charset=utf-8',
          'cache-control': 'no-store',
          'x-accel-buffering': 'no',
        },
        body: audit.follow({ tenantId, filter, from: start, signal }),
      };
    },
  });
}

/** What a client has seen already. */
function lastEventId(header: string | readonly string[] | undefined): number | null {
  const text = typeof header === 'string' ? header : header?.[0];
  if (text === undefined || text === '') return null;
  if (!/^\d{1,15}$/.test(text))
    throw invalidRequest('"Last-Event-ID" is a sequence number that the stream gave');
  return Number(text) + 1;
}

function timelineRoute(audit: Audit, readAs: ReadTrail): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/actors/{id}/timeline',
    operationId: 'readAuditActorTimeline',
    summary: 'What somebody did, by session, newest first; 5,000 events a page',
    security: readSecurity,
    audit: recordedReading,
    request: { params: actorParamsSchema, query: timelineQuerySchema },
    responses: { 200: { description: 'Sessions', schema: timelineSchema } },
    handler: async ({ params: { id }, query: { before, ...range }, ...caller }) => {
      const body = await readAs(
        caller,
        { what: 'timeline', filters: describeFilters({ actor: id, ...range }) },
        (tx) => audit.timeline(tx, id, range, before ?? null),
        ({ scanned }) => scanned,
      );
      return { status: 200, body };
    },
  });
}

function blastRoute(audit: Audit, readAs: ReadTrail): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/blast-radius',
    operationId: 'readAuditBlastRadius',
    summary: 'Which people and records an actor, a session, a trace or a request touched',
    security: readSecurity,
    audit: recordedReading,
    request: { query: blastQuerySchema },
    responses: { 200: { description: 'What was touched', schema: blastSchema } },
    handler: async ({ query: { cursor, limit, ...filter }, ...caller }) => {
      const page = { ...readCursor(cursor), limit };
      const found = await readAs(
        caller,
        { what: 'blast_radius', filters: describeFilters(filter) },
        (tx) => audit.blastRadius(tx, filter, page),
        ({ events }) => events,
      );
      return { status: 200, body: bodyOf(found, limit) };
    },
  });
}

function bodyOf(found: BlastRadius, limit: number): unknown {
  const more = found.subjects.length === limit || found.records.length === limit;
  return {
    ...found,
    firstAt: found.firstAt?.toISOString() ?? null,
    lastAt: found.lastAt?.toISOString() ?? null,
    nextCursor: more
      ? Buffer.from(
          JSON.stringify([found.subjects.at(-1)?.id ?? last, found.records.at(-1)?.id ?? last]),
        ).toString('base64url')
      : null,
  };
}

/** Sorts behind every id: a list that has ended stays ended. */
const last = '\uffff';

function readCursor(cursor: string | undefined): {
  readonly afterSubject: string;
  readonly afterRecord: string;
} {
  if (cursor === undefined) return { afterSubject: '', afterRecord: '' };
  try {
    const [afterSubject, afterRecord] = JSON.parse(
      Buffer.from(cursor, 'base64url').toString('utf8'),
    ) as unknown[]; // checked below
    if (typeof afterSubject === 'string' && typeof afterRecord === 'string')
      return { afterSubject, afterRecord };
  } catch {
    // said below
  }
  throw invalidRequest('"cursor" is not one that this list gave');
}
