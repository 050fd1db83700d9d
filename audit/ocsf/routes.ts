import { z } from 'zod';
import { defineRoute, requirePrincipal, type AnyRoute } from '../../kernel/index.ts';
import type { Audit } from '../audit.ts';
import { readSecurity, recordedReading, type ReadTrail } from '../read-trail.ts';
import { seqParamsSchema } from '../schema.ts';

const eventTypesSchema = z.object({
  items: z.array(
    z.object({
      action: z.string(),
      version: z.number().int(),
      category: z.string(),
      summary: z.string(),
      ocsf: z.object({
        classUid: z.number().int(),
        className: z.string(),
        activityId: z.number().int(),
        activityName: z.string(),
        typeUid: z.number().int(),
      }),
      detail: z.unknown(),
    }),
  ),
});

/** What can stand in a log. */
export function eventTypesRoute(audit: Audit): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/event-types',
    operationId: 'listAuditEventTypes',
    summary: 'Every type of event with its version, the shape of its detail and its OCSF class',
    security: readSecurity,
    audit: {
      kind: 'none',
      reason: 'the registry of event types is the same for every tenant and holds no event',
    },
    request: {},
    responses: { 200: { description: 'The registry', schema: eventTypesSchema } },
    handler: async () => ({ status: 200, body: { items: audit.eventTypes } }),
  });
}

/** One event as OCSF. */
export function ocsfEventRoute(audit: Audit, readAs: ReadTrail, productVersion: string): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/events/{seq}/ocsf',
    operationId: 'readAuditEventAsOcsf',
    summary: 'One event in the attributes of OCSF 1.8.0',
    security: readSecurity,
    audit: recordedReading,
    request: { params: seqParamsSchema },
    responses: {
      200: { description: 'The event', schema: z.record(z.string(), z.unknown()) },
      404: { description: 'There is none' },
    },
    handler: async ({ params: { seq }, ...caller }) => {
      const { tenantId } = requirePrincipal(caller.principal);
      const { origin } = await audit.ensureLog(tenantId);
      const event = await readAs(
        caller,
        { what: 'event', seq },
        (tx) => audit.event(tx, seq),
        () => 1,
      );
      return { status: 200, body: audit.toOcsf(event, { tenantId, logName: origin, productVersion }) };
    },
  });
}
