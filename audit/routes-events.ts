import { requirePrincipal, defineRoute, type AnyRoute } from '../kernel/index.ts';
import type { Audit } from './audit.ts';
import { describeFilters } from './describe-filters.ts';
import { readSecurity, recordedReading, type ReadTrail } from './read-trail.ts';
import {
  inclusionSchema,
  proofQuerySchema,
  seqParamsSchema,
  trailEventSchema,
  trailPageSchema,
  trailQuerySchema,
} from './schema.ts';

/** Search. */
export function eventsRoute(audit: Audit, readAs: ReadTrail): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/events',
    operationId: 'searchAuditEvents',
    summary: 'Events of the trail, newest first',
    security: readSecurity,
    audit: recordedReading,
    request: { query: trailQuerySchema },
    responses: { 200: { description: 'A page of events', schema: trailPageSchema } },
    handler: async ({ query, ...caller }) => {
      const reading = { what: 'search', filters: describeFilters(query) } as const;
      const page = await readAs(
        caller,
        reading,
        (tx) => audit.search(tx, query),
        ({ items }) => items.length,
      );
      return { status: 200, body: page };
    },
  });
}

/** One event. */
export function eventRoute(audit: Audit, readAs: ReadTrail): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/events/{seq}',
    operationId: 'readAuditEvent',
    summary: 'One event with its canonical bytes and everything that can still be read',
    security: readSecurity,
    audit: recordedReading,
    request: { params: seqParamsSchema },
    responses: {
      200: { description: 'The event', schema: trailEventSchema },
      404: { description: 'There is none' },
      410: { description: 'It was pruned' },
    },
    handler: async ({ params: { seq }, ...caller }) => {
      const event = await readAs(
        caller,
        { what: 'event', seq },
        (tx) => audit.event(tx, seq),
        () => 1,
      );
      return { status: 200, body: event };
    },
  });
}

/** Inclusion of one event. */
export function proofRoute(audit: Audit, readAs: ReadTrail): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/events/{seq}/proof',
    operationId: 'proveAuditEvent',
    summary: 'Inclusion proof of an event against a signed checkpoint',
    security: readSecurity,
    audit: recordedReading,
    request: { params: seqParamsSchema, query: proofQuerySchema },
    responses: {
      200: { description: 'The proof', schema: inclusionSchema },
      404: { description: 'No such event or checkpoint' },
    },
    handler: async ({ params: { seq }, query, ...caller }) => {
      const { vkey } = await audit.prepare(requirePrincipal(caller.principal).tenantId);
      const proof = await readAs(
        caller,
        { what: 'proof', seq },
        (tx) => audit.proof(tx, seq, query.size),
        () => 1,
      );
      const body = {
        index: proof.index,
        treeSize: proof.treeSize,
        leafHash: proof.leafHash.toString('base64'),
        hashes: proof.hashes.map((hash) => hash.toString('base64')),
        entry: proof.entry.toString('base64'),
        checkpoint: proof.checkpoint,
        vkey,
      };
      return { status: 200, body };
    },
  });
}
