import { z } from 'zod';
import type { Database } from '../../db/index.ts';
import { defineRoute, invalidRequest, requirePrincipal, type AnyRoute } from '../../kernel/index.ts';
import type { DualControl } from './dual-control.ts';
import {
  approvalPageSchema,
  approvalsSchema,
  approveSchema,
  executedSchema,
  refuseSchema,
} from './schema.ts';

/** What the routes need. */
export type ControlRoutesDeps = { readonly database: Database; readonly dualControl: DualControl };

const idParams = z.object({ id: z.uuid() });
const stepUp = { level: 2, maxAgeSeconds: 300 } as const;

/** `/v1/crypto/approvals`: what waits for a second person. */
export function createControlRoutes(deps: ControlRoutesDeps): readonly AnyRoute[] {
  return [listRoute(deps), approveRoute(deps), refuseRoute(deps)];
}

function listRoute({ database, dualControl }: ControlRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/crypto/approvals',
    operationId: 'listApprovals',
    summary: 'Proposals that need a second person, newest first, with the digest of what is shown',
    security: { kind: 'principal', action: 'crypto.read' },
    audit: { kind: 'none', reason: 'proposals hold ids and choices of administrators, no personal data' },
    request: { query: approvalPageSchema },
    responses: { 200: { description: 'A page of proposals', schema: approvalsSchema } },
    handler: async ({ principal, query }) => {
      const { tenantId } = requirePrincipal(principal);
      const page = {
        after: readCursor(query.cursor),
        limit: query.limit + 1,
        ...(query.state === undefined ? {} : { state: query.state }),
      };
      const found = await database.withTenant(tenantId, (tx) => dualControl.list(tx, page), {
        readOnly: true,
      });
      const items = found.slice(0, query.limit);
      const last = found.length > query.limit ? items.at(-1) : undefined;
      return {
        status: 200,
        body: {
          items: items.map((item) => ({
            ...item,
            proposedAt: item.proposedAt.toISOString(),
            expiresAt: item.expiresAt.toISOString(),
            decidedAt: item.decidedAt?.toISOString() ?? null,
            finishedAt: item.finishedAt?.toISOString() ?? null,
          })),
          nextCursor: last === undefined ? null : Buffer.from(last.id, 'utf8').toString('base64url'),
        },
      };
    },
  });
}

function readCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const id = z.uuid().safeParse(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (!id.success) throw invalidRequest('the cursor is not one that this list gave; start without a cursor');
  return id.data;
}

function approveRoute({ dualControl }: ControlRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/approvals/{id}/approve',
    operationId: 'approveProposal',
    summary: 'Approve, as a second person, exactly the proposal with this digest; it is carried out once',
    security: { kind: 'principal', action: 'crypto.approve', stepUp },
    audit: {
      kind: 'event',
      actions: ['crypto.approval_given', 'crypto.approval_denied', 'crypto.approval_finished'],
    },
    request: { params: idParams, body: approveSchema },
    responses: { 200: { description: 'Carried out, with what it gave', schema: executedSchema } },
    handler: async ({ principal, params, body }) => ({
      status: 200,
      body: await dualControl.approve(params.id, requirePrincipal(principal), body.digest),
    }),
  });
}

function refuseRoute({ database, dualControl }: ControlRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/approvals/{id}/refuse',
    operationId: 'refuseProposal',
    summary: 'Refuse a proposal, or withdraw an own one',
    security: { kind: 'principal', action: 'crypto.approve' },
    audit: { kind: 'event', actions: ['crypto.approval_refused'] },
    request: { params: idParams, body: refuseSchema },
    responses: { 204: { description: 'Refused' } },
    handler: async ({ principal, params, body }) => {
      const by = requirePrincipal(principal);
      await database.withTenant(by.tenantId, (tx) => dualControl.refuse(tx, params.id, by, body.reason));
      return { status: 204 };
    },
  });
}
