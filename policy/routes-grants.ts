import { z } from 'zod';
import {
  requirePrincipal,
  defineRoute,
  invalidRequest,
  parsePrincipalId,
  type AnyRoute,
} from '../kernel/index.ts';
import { byPrincipal } from './administer.ts';
import { grantStepUp, type PolicyRouteDeps } from './route-deps.ts';
import { roleNameSchema } from './schema.ts';
import { selectGrants } from './store.ts';

const grantOut = z.object({
  id: z.string(),
  principalId: z.string(),
  role: z.string(),
  grantedBy: z.string(),
  reason: z.string(),
  grantedAt: z.string(),
  expiresAt: z.string().nullable(),
  lastUsedAt: z.string().nullable(),
});
const grantBody = z.strictObject({
  principalId: z.uuid(),
  role: roleNameSchema,
  reason: z.string().min(1).max(500),
  expiresAt: z.iso.datetime().nullish(),
});
const query = z.object({
  cursor: z.string().max(100).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  principalId: z.uuid().optional(),
});
type GrantRow = {
  readonly id: string;
  readonly principalId: string;
  readonly role: string;
  readonly grantedBy: string;
  readonly reason: string;
  readonly grantedAt: Date;
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
};

/** `/v1/policy/grants`: who holds which role, until when. */
export function createGrantRoutes(deps: PolicyRouteDeps): readonly AnyRoute[] {
  return [listGrants(deps), createGrant(deps), revokeGrant(deps)];
}

function listGrants({ database }: PolicyRouteDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/policy/grants',
    operationId: 'listPolicyGrants',
    summary: 'Grants, oldest first',
    security: { kind: 'principal', action: 'policy.read' },
    audit: { kind: 'none', reason: 'ids of principals and names of roles only' },
    request: { query },
    responses: {
      200: {
        description: 'A page of grants',
        schema: z.object({ items: z.array(grantOut), nextCursor: z.string().nullable() }),
      },
    },
    handler: async ({ principal, query: { cursor, limit, principalId } }) => {
      const { tenantId } = requirePrincipal(principal);
      const values = [tenantId, readCursor(cursor), principalId ?? null, limit + 1];
      const { rows } = await database.withTenant(tenantId, (tx) => tx.query<GrantRow>(selectGrants, values), {
        readOnly: true,
      });
      const page = rows.slice(0, limit);
      const nextCursor =
        rows.length > limit ? Buffer.from(page.at(-1)?.id ?? '').toString('base64url') : null;
      return { status: 200, body: { items: page.map(toWire), nextCursor } };
    },
  });
}

function createGrant(deps: PolicyRouteDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/policy/grants',
    operationId: 'createPolicyGrant',
    summary: 'Give a role, or prolong it',
    security: { kind: 'principal', action: 'policy.manage', stepUp: grantStepUp },
    audit: { kind: 'event', actions: ['policy.grant_created'] },
    request: { body: grantBody },
    responses: { 201: { description: 'The id of the grant', schema: z.object({ id: z.string() }) } },
    handler: async ({ principal, body, call }) => {
      const by = requirePrincipal(principal);
      const request = {
        principalId: parsePrincipalId(body.principalId),
        role: body.role,
        reason: body.reason,
        expiresAt: body.expiresAt === undefined || body.expiresAt === null ? null : new Date(body.expiresAt),
      };
      const id = await deps.database.withTenant(by.tenantId, (tx) =>
        deps.policy.administration.grant(tx, request, byPrincipal(by, call)),
      );
      return { status: 201, body: { id } };
    },
  });
}

function revokeGrant(deps: PolicyRouteDeps): AnyRoute {
  return defineRoute({
    method: 'DELETE',
    path: '/v1/policy/grants/{id}',
    operationId: 'revokePolicyGrant',
    summary: 'Take a role away',
    security: { kind: 'principal', action: 'policy.manage', stepUp: grantStepUp },
    audit: { kind: 'event', actions: ['policy.grant_revoked'] },
    request: { params: z.object({ id: z.uuid() }) },
    responses: { 204: { description: 'Revoked' } },
    handler: async ({ principal, params: { id }, call }) => {
      const by = requirePrincipal(principal);
      await deps.database.withTenant(by.tenantId, (tx) =>
        deps.policy.administration.revoke(tx, id, byPrincipal(by, call)),
      );
      return { status: 204 };
    },
  });
}

function readCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const id = z.uuid().safeParse(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (!id.success) throw invalidRequest('cursor is not one that this list gave; start without it');
  return id.data;
}

function toWire(row: GrantRow): z.output<typeof grantOut> {
  return {
    ...row,
    grantedAt: row.grantedAt.toISOString(),
    expiresAt: row.expiresAt?.toISOString() ?? null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  };
}
