import type { z } from 'zod';
import type { Database, Tx } from '../db/index.ts';
import {
  defineRoute,
  GatehouseError,
  systemClock,
  type AnyRoute,
  type CallContext,
  type Principal,
} from '../kernel/index.ts';
import type { Audit } from './audit.ts';
import { evidenceExported, trailRead } from './events.ts';
import { createLogRoutes } from './log-routes.ts';
import {
  consistencyQuerySchema,
  consistencySchema,
  facetsSchema,
  histogramSchema,
  inclusionSchema,
  logSchema,
  proofQuerySchema,
  rangeQuerySchema,
  seqParamsSchema,
  trailEventSchema,
  trailFilterSchema,
  trailPageSchema,
  trailQuerySchema,
  type TrailFilter,
} from './schema.ts';

/** What the routes need. */
export type AuditRoutesDeps = { readonly database: Database };

type Reading = {
  readonly what: z.output<typeof trailRead.detail>['what'];
  readonly filters?: Record<string, string>;
  readonly seq?: number;
};
type Caller = { readonly principal: Principal | null; readonly call: CallContext };
type ReadAs = <T>(
  caller: Caller,
  reading: Reading,
  work: (tx: Tx) => Promise<T>,
  count: (result: T) => number,
) => Promise<T>;

const security = { kind: 'principal', action: 'audit.read' } as const;
const recorded = { kind: 'event', actions: [trailRead.action] } as const;

/** `/v1/audit/*`, the public log and the page that says how to verify. */
export function createAuditRoutes(audit: Audit, deps: AuditRoutesDeps): readonly AnyRoute[] {
  const { database } = deps;
  /** Reads and records the reading in one transaction: what cannot be recorded is not read. */
  const readAs: ReadAs = async ({ principal, call }, reading, work, count) => {
    const actor = requirePrincipal(principal);
    await audit.prepare(actor.tenantId);
    return database.withTenant(actor.tenantId, async (tx) => {
      const result = await work(tx);
      const detail = { ...reading, returned: count(result) };
      await audit.append(tx, {
        definition: trailRead,
        tenantId: actor.tenantId,
        outcome: 'success',
        actor,
        call,
        detail,
      });
      return result;
    });
  };
  return [
    logRoute(audit, database),
    eventsRoute(audit, readAs),
    eventRoute(audit, readAs),
    proofRoute(audit, readAs),
    consistencyRoute(audit, database),
    histogramRoute(audit, readAs),
    facetsRoute(audit, readAs),
    evidenceRoute(audit),
    ...createLogRoutes(audit),
  ];
}

function requirePrincipal(principal: Principal | null): Principal {
  if (principal === null) throw new GatehouseError('ERR_UNAUTHENTICATED', 'sign in first', { status: 401 });
  return principal;
}

/** Names of the filters set and their values; of free text only that there was some. */
function describeFilters(filter: TrailFilter): Record<string, string> {
  const fields = Object.entries(filter).flatMap(([name, value]) =>
    value === undefined || name === 'cursor' || name === 'limit'
      ? []
      : [[name, filterText(name, value)] as const],
  );
  return Object.fromEntries(fields);
}

function filterText(name: string, value: unknown): string {
  if (name === 'q') return '(text)';
  return typeof value === 'object' && value !== null ? (value as Date).toISOString() : String(value); // filters are texts and times
}

function logRoute(audit: Audit, database: Database): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/log',
    operationId: 'readAuditLog',
    summary: 'Where the log of the tenant stands, and the key that verifies it',
    security,
    audit: { kind: 'none', reason: 'public facts of the log, no event' },
    request: {},
    responses: { 200: { description: 'The log', schema: logSchema } },
    handler: async ({ principal }) => {
      const { tenantId } = requirePrincipal(principal);
      const { logId, origin, vkey } = await audit.prepare(tenantId);
      const head = await database.withTenant(tenantId, audit.head, { readOnly: true });
      const body = {
        logId,
        origin,
        vkey,
        size: head?.size ?? 0,
        rootHash: head?.root.toString('base64') ?? '',
        checkpointAt: (head?.signedAt ?? new Date(0)).toISOString(),
      };
      return { status: 200, body };
    },
  });
}

function eventsRoute(audit: Audit, readAs: ReadAs): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/events',
    operationId: 'searchAuditEvents',
    summary: 'Events of the trail, newest first',
    security,
    audit: recorded,
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

function eventRoute(audit: Audit, readAs: ReadAs): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/events/{seq}',
    operationId: 'readAuditEvent',
    summary: 'One event with its canonical bytes and everything that can still be read',
    security,
    audit: recorded,
    request: { params: seqParamsSchema },
    responses: {
      200: { description: 'The event', schema: trailEventSchema },
      404: { description: 'There is none' },
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

function proofRoute(audit: Audit, readAs: ReadAs): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/events/{seq}/proof',
    operationId: 'proveAuditEvent',
    summary: 'Inclusion proof of an event against a signed checkpoint',
    security,
    audit: recorded,
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

function consistencyRoute(audit: Audit, database: Database): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/consistency',
    operationId: 'proveAuditConsistency',
    summary: 'Proof that the log of one size begins with the log of another',
    security,
    audit: { kind: 'none', reason: 'hashes and signed checkpoints, no event' },
    request: { query: consistencyQuerySchema },
    responses: {
      200: { description: 'The proof', schema: consistencySchema },
      404: { description: 'No checkpoint of that size' },
    },
    handler: async ({ principal, query }) => {
      const { tenantId } = requirePrincipal(principal);
      const { from, to, hashes } = await database.withTenant(
        tenantId,
        (tx) => audit.consistency(tx, query.from, query.to),
        { readOnly: true },
      );
      const body = {
        from: query.from,
        to: to.size,
        hashes: hashes.map((hash) => hash.toString('base64')),
        fromCheckpoint: from?.note ?? null,
        toCheckpoint: to.note,
      };
      return { status: 200, body };
    },
  });
}

function histogramRoute(audit: Audit, readAs: ReadAs): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/histogram',
    operationId: 'countAuditEventsByTime',
    summary: 'Events per slice of time and outcome; the last seven days unless told otherwise',
    security,
    audit: recorded,
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

function facetsRoute(audit: Audit, readAs: ReadAs): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/facets',
    operationId: 'countAuditEventsByField',
    summary: 'Counts by action, outcome and actor over the newest 50,000 matches',
    security,
    audit: recorded,
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

function evidenceRoute(audit: Audit): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/evidence',
    operationId: 'exportAuditEvidence',
    summary: 'A zip of a run of events that a stranger can verify offline',
    security: { kind: 'principal', action: 'audit.export' },
    audit: { kind: 'event', actions: [evidenceExported.action] },
    request: { query: rangeQuerySchema },
    responses: { 200: { description: 'The evidence pack', contentType: 'application/zip' } },
    handler: async ({ principal, call, query }) => {
      const actor = requirePrincipal(principal);
      const { range, zip } = await audit.evidence(actor.tenantId, query.from, query.to);
      const detail = { from: range.from, to: range.to, treeSize: range.checkpoint.size };
      await audit.record({
        definition: evidenceExported,
        tenantId: actor.tenantId,
        outcome: 'success',
        actor,
        call,
        detail,
      });
      const name = `evidence-${range.log.logId.slice(0, 8)}-${range.from}-${range.to}.zip`;
      return {
        status: 200,
        body: zip,
        headers: {
          'content-type': 'application/zip',
          'content-disposition': `attachment; filename="${name}"`,
          'cache-control': 'no-store',
        },
      };
    },
  });
}
