import { requirePrincipal, defineRoute, notFound, type AnyRoute } from '../../kernel/index.ts';
import { afterId, toPage } from '../page.ts';
import { listConnections, type ConnectionRow } from '../relying-party/store-connections.ts';
import { connectionPage, idParams, pageQuery, sessionPage } from '../schema.ts';
import { listSessions, type SessionRow } from '../sessions/store-sessions.ts';
import { aboutOneself, requireSession, type RouteDeps } from './route-deps.ts';

const toSession =
  (currentId: string | null) =>
  (row: SessionRow): unknown => ({
    id: row.id,
    userId: row.user_id,
    displayName: row.display_name,
    level: row.level,
    current: row.id === currentId,
    ip: row.ip,
    userAgent: row.user_agent,
    createdAt: row.created_at.toISOString(),
    lastSeenAt: row.last_seen_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
  });

const noReading = { kind: 'none', reason: 'the decision to read is recorded by policy' } as const;
const ending = { kind: 'event', actions: ['identity.session_ended'] } as const;

/** Sessions of everybody for administrators, one's own for everybody; the tenant's providers. */
export function createSessionRoutes(deps: RouteDeps): readonly AnyRoute[] {
  const list = async (
    tenantId: string,
    query: { cursor?: string | undefined; limit: number },
    userId: string | null,
    currentId: string | null,
  ) => {
    const values = [tenantId, deps.clock.now(), afterId(query.cursor), query.limit + 1, userId];
    const { rows } = await deps.database.withTenant(
      tenantId as Parameters<typeof deps.database.withTenant>[0],
      (tx) => tx.query<SessionRow>(listSessions, values),
      { readOnly: true },
    ); // a principal's own tenant
    return { status: 200, body: toPage(rows, query.limit, toSession(currentId)) };
  };
  return Object.freeze([
    defineRoute({
      method: 'GET', path: '/v1/identity/sessions', operationId: 'identityListSessions', summary: 'Living sessions of the tenant',
      security: { kind: 'principal', action: 'identity.read' }, audit: noReading, request: { query: pageQuery },
      responses: { 200: { description: 'sessions', schema: sessionPage } },
      handler: ({ principal, query }) => {
        const caller = requirePrincipal(principal);
        return list(caller.tenantId, query, null, caller.sessionId);
      },
    }), // prettier-ignore
    defineRoute({
      method: 'DELETE', path: '/v1/identity/sessions/{id}', operationId: 'identityEndSession', summary: 'Ends a session of anybody',
      security: { kind: 'principal', action: 'identity.manage' }, audit: ending, request: { params: idParams },
      responses: { 204: { description: 'ended' }, 404: { description: 'no such session' } },
      handler: async ({ principal, params, call }) => {
        const actor = requirePrincipal(principal);
        const ended = await deps.endSession({ tenantId: actor.tenantId, sessionId: params.id, cause: 'revoked', actor, call });
        if (!ended) throw notFound('session', params.id);
        return { status: 204 };
      },
    }), // prettier-ignore
    defineRoute({
      method: 'GET', path: '/v1/identity/me/sessions', operationId: 'identityListOwnSessions', summary: 'One’s own living sessions',
      security: aboutOneself, audit: { kind: 'none', reason: 'reads nothing but the caller’s own sessions' }, request: { query: pageQuery },
      responses: { 200: { description: 'sessions', schema: sessionPage }, 401: { description: 'not signed in' } },
      handler: async ({ headers, query }) => {
        const { principal, row } = await requireSession(deps, headers, 'GET');
        return list(principal.tenantId, query, principal.id, row.id);
      },
    }), // prettier-ignore
    connectionsRoute(deps),
  ]);
}

function connectionsRoute(deps: RouteDeps): AnyRoute {
  return defineRoute({
    method: 'GET', path: '/v1/identity/connections', operationId: 'identityListConnections', summary: 'Identity providers of the tenant',
    security: { kind: 'principal', action: 'identity.read' }, audit: noReading, request: {},
    responses: { 200: { description: 'connections', schema: connectionPage } },
    handler: async ({ principal }) => {
      const { tenantId } = requirePrincipal(principal);
      const { rows } = await deps.database.withTenant(tenantId, (tx) => tx.query<ConnectionRow>(listConnections, [tenantId]), { readOnly: true });
      const items = rows.map(({ id, name, kind, state, issuer, client_id, audience, created_at }) =>
        ({ id, name, kind, state, issuer, clientId: client_id, audience, createdAt: created_at.toISOString() }));
      return { status: 200, body: { items, nextCursor: null } };
    },
  }); // prettier-ignore
}
