import type { Database } from '../../db/index.ts';
import { defineRoute, invalidRequest, requirePrincipal, type AnyRoute } from '../../kernel/index.ts';
import type { Audit } from '../audit.ts';
import { readSecurity } from '../read-trail.ts';
import {
  createdSinkSchema,
  deadLetterQuerySchema,
  deadLettersSchema,
  newSinkSchema,
  sinkChangeSchema,
  sinkParamsSchema,
  sinkSchema,
  sinksSchema,
  sinkTrialSchema,
} from './schema.ts';
import type { SinkView } from './sinks.ts';

/** What the routes need. */
export type SinkRoutesDeps = { readonly audit: Audit; readonly database: Database };

const manage = {
  kind: 'principal',
  action: 'audit.manage',
  stepUp: { level: 2, maxAgeSeconds: 300 },
} as const;
const unrecorded = {
  kind: 'none',
  reason: 'where the trail is delivered to and how far it is; no event is read',
} as const;
const notFoundAnswer = { description: 'There is none' } as const;

/** `/v1/audit/sinks`. */
export function createSinkRoutes(deps: SinkRoutesDeps): readonly AnyRoute[] {
  return [
    listRoute(deps),
    createRoute(deps),
    readRoute(deps),
    changeRoute(deps),
    removeRoute(deps),
    deadLettersRoute(deps),
    testRoute(deps),
  ];
}

function listRoute({ audit, database }: SinkRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/sinks',
    operationId: 'listAuditSinks',
    summary: 'Receivers of the trail with their cursor, lag and last error',
    security: readSecurity,
    audit: unrecorded,
    request: {},
    responses: { 200: { description: 'Every receiver of the tenant', schema: sinksSchema } },
    handler: async ({ principal }) => {
      const { tenantId } = requirePrincipal(principal);
      const sinks = await database.withTenant(tenantId, (tx) => audit.sinks.list(tx), { readOnly: true });
      return { status: 200, body: { items: sinks.map(bodyOf) } };
    },
  });
}

function createRoute({ audit, database }: SinkRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/audit/sinks',
    operationId: 'createAuditSink',
    summary: 'Set up a receiver: signed webhook, syslog over TLS, S3 object lock, Kafka or OTLP',
    security: manage,
    audit: { kind: 'event', actions: ['audit.sink_created'] },
    request: { body: newSinkSchema },
    responses: {
      201: { description: 'The receiver; a signing secret is shown this once', schema: createdSinkSchema },
      409: { description: 'The name is taken' },
    },
    handler: async ({ principal, body }) => {
      const actor = requirePrincipal(principal);
      await audit.prepare(actor.tenantId);
      const { sink, signingSecret } = await database.withTenant(actor.tenantId, (tx) =>
        audit.sinks.create(tx, actor, { ...body, from: body.from ?? null }),
      );
      return { status: 201, body: { sink: bodyOf(sink), signingSecret } };
    },
  });
}

function readRoute({ audit, database }: SinkRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/sinks/{id}',
    operationId: 'readAuditSink',
    summary: 'One receiver of the trail',
    security: readSecurity,
    audit: unrecorded,
    request: { params: sinkParamsSchema },
    responses: { 200: { description: 'The receiver', schema: sinkSchema }, 404: notFoundAnswer },
    handler: async ({ principal, params: { id } }) => {
      const { tenantId } = requirePrincipal(principal);
      const sink = await database.withTenant(tenantId, (tx) => audit.sinks.get(tx, id), { readOnly: true });
      return { status: 200, body: bodyOf(sink) };
    },
  });
}

function changeRoute({ audit, database }: SinkRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/audit/sinks/{id}/change',
    operationId: 'changeAuditSink',
    summary: 'Pause or resume a receiver, replay it from a sequence number, or give it new secrets',
    security: manage,
    audit: { kind: 'event', actions: ['audit.sink_changed'] },
    request: { params: sinkParamsSchema, body: sinkChangeSchema },
    responses: { 200: { description: 'The receiver', schema: sinkSchema }, 404: notFoundAnswer },
    handler: async ({ principal, params: { id }, body }) => {
      const actor = requirePrincipal(principal);
      await audit.prepare(actor.tenantId);
      const sink = await database.withTenant(actor.tenantId, (tx) => audit.sinks.change(tx, actor, id, body));
      return { status: 200, body: bodyOf(sink) };
    },
  });
}

function removeRoute({ audit, database }: SinkRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'DELETE',
    path: '/v1/audit/sinks/{id}',
    operationId: 'removeAuditSink',
    summary: 'Remove a receiver with its cursor and dead letters; the log keeps every event',
    security: manage,
    audit: { kind: 'event', actions: ['audit.sink_removed'] },
    request: { params: sinkParamsSchema },
    responses: { 204: { description: 'Removed' }, 404: notFoundAnswer },
    handler: async ({ principal, params: { id } }) => {
      const actor = requirePrincipal(principal);
      await audit.prepare(actor.tenantId);
      await database.withTenant(actor.tenantId, (tx) => audit.sinks.remove(tx, actor, id));
      return { status: 204, body: undefined };
    },
  });
}

function deadLettersRoute({ audit, database }: SinkRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/sinks/{id}/dead-letters',
    operationId: 'listAuditSinkDeadLetters',
    summary: 'Events that a receiver refused one by one, oldest first',
    security: readSecurity,
    audit: unrecorded,
    request: { params: sinkParamsSchema, query: deadLetterQuerySchema },
    responses: { 200: { description: 'A page', schema: deadLettersSchema }, 404: notFoundAnswer },
    handler: async ({ principal, params: { id }, query: { cursor, limit } }) => {
      const { tenantId } = requirePrincipal(principal);
      const page = { after: readCursor(cursor), limit: limit + 1 };
      const found = await database.withTenant(tenantId, (tx) => audit.sinks.deadLetters(tx, id, page), {
        readOnly: true,
      });
      const items = found.slice(0, limit);
      const last = found.length > limit ? items.at(-1) : undefined;
      return {
        status: 200,
        body: {
          items: items.map((item) => ({ ...item, refusedAt: item.refusedAt.toISOString() })),
          nextCursor: last === undefined ? null : Buffer.from(`d${last.seq}`).toString('base64url'),
        },
      };
    },
  });
}

function testRoute({ audit }: SinkRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/audit/sinks/{id}/test',
    operationId: 'testAuditSink',
    summary: 'Send one made-up event to a receiver and answer what it said; its cursor stays where it is',
    security: { kind: 'principal', action: 'audit.manage' },
    audit: { kind: 'event', actions: ['audit.sink_tested'] },
    request: { params: sinkParamsSchema },
    responses: {
      200: { description: 'What the receiver said', schema: sinkTrialSchema },
      404: notFoundAnswer,
    },
    handler: async ({ principal, params: { id } }) => {
      const actor = requirePrincipal(principal);
      await audit.prepare(actor.tenantId);
      return { status: 200, body: await audit.sinks.test(actor.tenantId, actor, id) };
    },
  });
}

function readCursor(cursor: string | undefined): number {
  if (cursor === undefined) return -1;
  const match = /^d(\d{1,16})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (match === null) throw invalidRequest('"cursor" is not one that a list gave');
  return Number(match[1]);
}

const bodyOf = (sink: SinkView): unknown => ({
  ...sink,
  waitingSince: sink.waitingSince?.toISOString() ?? null,
  nextAttemptAt: sink.nextAttemptAt.toISOString(),
  lastDeliveredAt: sink.lastDeliveredAt?.toISOString() ?? null,
  createdAt: sink.createdAt.toISOString(),
});
