import { awaitingSchema, awaitingSecondPerson, type DualControl } from '../../crypto/index.ts';
import type { Database } from '../../db/index.ts';
import { defineRoute, requirePrincipal, type AnyRoute } from '../../kernel/index.ts';
import type { Audit } from '../audit.ts';
import { auditError } from '../errors.ts';
import { readSecurity } from '../read-trail.ts';
import type { Hold } from './holds.ts';
import {
  holdPageSchema,
  holdParamsSchema,
  holdSchema,
  holdsSchema,
  newHoldSchema,
  reasonSchema,
} from './schema.ts';

/** What the routes need. */
export type KeepingRoutesDeps = {
  readonly audit: Audit;
  readonly database: Database;
  readonly dualControl: DualControl;
};

/** Who may place holds and propose to release them. */
const holding = {
  kind: 'principal',
  action: 'audit.hold',
  stepUp: { level: 2, maxAgeSeconds: 300 },
} as const;

/** `/v1/audit/holds`. */
export function createHoldRoutes(deps: KeepingRoutesDeps): readonly AnyRoute[] {
  return [listRoute(deps), placeRoute(deps), releaseRoute(deps)];
}

function listRoute({ audit, database }: KeepingRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/holds',
    operationId: 'listAuditHolds',
    summary: 'Legal holds with who placed them, why and until when',
    security: readSecurity,
    audit: { kind: 'none', reason: 'which holds stand; no event is read' },
    request: { query: holdPageSchema },
    responses: { 200: { description: 'A page, newest first', schema: holdsSchema } },
    handler: async ({ principal, query: { active, cursor, limit } }) => {
      const { tenantId } = requirePrincipal(principal);
      const page = { after: cursor ?? null, limit: limit + 1, active: active === 'true' };
      const found = await database.withTenant(tenantId, (tx) => audit.holds.list(tx, page), {
        readOnly: true,
      });
      const items = found.slice(0, limit);
      const nextCursor = found.length > limit ? (items.at(-1)?.id ?? null) : null;
      return { status: 200, body: { items: items.map(bodyOf), nextCursor } };
    },
  });
}

function placeRoute({ audit, database }: KeepingRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/audit/holds',
    operationId: 'placeAuditHold',
    summary: 'Place a legal hold over the log, a person, an actor or a time; it blocks pruning and shredding',
    security: holding,
    audit: { kind: 'event', actions: ['audit.hold_placed'] },
    request: { body: newHoldSchema },
    responses: { 201: { description: 'The hold', schema: holdSchema } },
    handler: async ({ principal, body }) => {
      const by = requirePrincipal(principal);
      await audit.prepare(by.tenantId);
      const hold = await database.withTenant(by.tenantId, (tx) => audit.holds.place(tx, by, body));
      return { status: 201, body: bodyOf(hold) };
    },
  });
}

function releaseRoute({ audit, database, dualControl }: KeepingRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/audit/holds/{id}/release',
    operationId: 'releaseAuditHold',
    summary: 'Propose to release a legal hold; a second person approves it',
    security: holding,
    audit: { kind: 'event', actions: ['crypto.approval_proposed'] },
    request: { params: holdParamsSchema, body: reasonSchema },
    responses: {
      202: { description: 'Waits for a second person', schema: awaitingSchema },
      404: { description: 'There is none' },
      409: { description: 'It is over already' },
    },
    handler: async ({ principal, params: { id }, body: { reason } }) => {
      const proposedBy = requirePrincipal(principal);
      await audit.prepare(proposedBy.tenantId);
      const proposed = await database.withTenant(proposedBy.tenantId, async (tx) => {
        const hold = await audit.holds.read(tx, id);
        if (!hold.active) throw auditError('ERR_AUDIT_HELD', `the hold ${id} is over already`);
        const proposal = { action: 'audit.release_hold', payload: { holdId: id }, reason };
        return dualControl.propose(tx, { ...proposal, proposedBy });
      });
      return awaitingSecondPerson(proposed);
    },
  });
}

function bodyOf(hold: Hold) {
  const { scope, until, placedAt, releasedAt } = hold;
  return {
    ...hold,
    scope:
      scope.kind === 'time'
        ? { kind: scope.kind, from: scope.from.toISOString(), to: scope.to.toISOString() }
        : scope,
    until: until?.toISOString() ?? null,
    placedAt: placedAt.toISOString(),
    releasedAt: releasedAt?.toISOString() ?? null,
  };
}
