import { defineRoute, systemClock, type AnyRoute } from '../kernel/index.ts';
import type { Audit } from './audit.ts';
import { describeFilters } from './describe-filters.ts';
import { readSecurity, recordedReading, type ReadTrail } from './read-trail.ts';
import { facetsSchema, histogramSchema, trailFilterSchema } from './schema.ts';

/** Counts over time. */
export function histogramRoute(audit: Audit, readAs: ReadTrail): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/histogram',
    operationId: 'countAuditEventsByTime',
    summary: 'Events per slice of time and outcome; the last seven days unless told otherwise',
    security: readSecurity,
    audit: recordedReading,
    request: { query: trailFilterSchema },
    responses: { 200: { description: 'Counts', schema: histogramSchema } },
    handler: async ({ query, ...caller }) => {
      const reading = { what: 'histogram', filters: describeFilters(query) } as const;
      const body = await readAs(
        caller,
        reading,
        (tx) => audit.histogram(tx, query, systemClock.now()),
        ({ buckets }) => buckets.length,
      );
      return { status: 200, body };
    },
  });
}

/** Counts by field. */
export function facetsRoute(audit: Audit, readAs: ReadTrail): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/facets',
    operationId: 'countAuditEventsByField',
    summary: 'Counts by action, outcome and actor over the newest 50,000 matches',
    security: readSecurity,
    audit: recordedReading,
    request: { query: trailFilterSchema },
    responses: { 200: { description: 'Counts', schema: facetsSchema } },
    handler: async ({ query, ...caller }) => {
      const reading = { what: 'facets', filters: describeFilters(query) } as const;
      const body = await readAs(
        caller,
        reading,
        (tx) => audit.facets(tx, query),
        ({ scanned }) => scanned,
      );
      return { status: 200, body };
    },
  });
}
