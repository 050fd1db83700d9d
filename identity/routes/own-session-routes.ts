import { defineRoute, type AnyRoute, type HandlerResult, type Principal } from '../../kernel/index.ts';
import { listTenants } from '../accounts/store-accounts.ts';
import { identityError } from '../errors.ts';
import { stepUpFailed, stepUpSucceeded } from '../events.ts';
import { platformTenantId } from '../../kernel/index.ts';
import { codeBody, sessionResponse, tenantList } from '../schema.ts';
import { csrfTokenOf, type LiveSession } from '../sessions/sessions.ts';
import {
  aboutOneself,
  requireSession,
  sessionCookie,
  sessionOf,
  tenantOf,
  type RouteDeps,
} from './route-deps.ts';

/** Who am I, step-up, and the tenants of a development house. */
export function createOwnSessionRoutes(deps: RouteDeps): readonly AnyRoute[] {
  return Object.freeze([sessionRoute(deps), stepUpRoute(deps), tenantsRoute(deps)]);
}

type Described = {
  readonly principal: Principal;
  readonly csrfToken: string | null;
  readonly expiresAt: Date | null;
  readonly embedded: boolean;
};

async function describe(
  deps: RouteDeps,
  { principal, csrfToken, expiresAt, embedded }: Described,
): Promise<unknown> {
  const { id, kind, displayName, email, roles, assurance } = principal;
  const authenticatedAt = assurance.authenticatedAt?.toISOString() ?? null;
  return {
    principal: { id, kind, displayName, email, roles, assurance: { ...assurance, authenticatedAt } },
    tenant: await tenantOf(deps, principal.tenantId),
    csrfToken,
    stepUp: { method: embedded ? 'totp' : 'redirect' },
    expiresAt: expiresAt?.toISOString() ?? null,
  };
}

const describeSession = (deps: RouteDeps, { row, principal, csrfToken }: LiveSession): Promise<unknown> =>
  describe(deps, {
    principal,
    csrfToken,
    expiresAt: row.expires_at,
    embedded: row.connection_kind === 'embedded',
  });

function sessionRoute(deps: RouteDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/identity/session',
    operationId: 'identityGetSession',
    summary: 'Who the caller is',
    security: aboutOneself,
    audit: { kind: 'none', reason: 'reads nothing but the caller’s own session' },
    request: {},
    responses: {
      200: { description: 'signed in', schema: sessionResponse },
      401: { description: 'not signed in' },
    },
    handler: async ({ headers }) => {
      const { authorization } = headers;
      const answerHeaders = { 'cache-control': 'no-store' };
      if (typeof authorization === 'string') {
        const found = await deps.authenticate({
          method: 'GET',
          url: '',
          headers: { authorization },
          ip: null,
        });
        if (found !== null) {
          const body = await describe(deps, {
            principal: found.principal,
            csrfToken: null,
            expiresAt: null,
            embedded: false,
          });
          return { status: 200, headers: answerHeaders, body };
        }
      }
      const session = await requireSession(deps, headers, 'GET');
      return { status: 200, headers: answerHeaders, body: await describeSession(deps, session) };
    },
  });
}

function stepUpRoute(deps: RouteDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/identity/step-up',
    operationId: 'identityStepUp',
    summary: 'Proves the second factor again and raises the session',
    security: aboutOneself,
    audit: { kind: 'event', actions: ['identity.step_up_succeeded', 'identity.step_up_failed'] },
    request: { body: codeBody },
    responses: {
      200: { description: 'raised; the cookie and the CSRF token are new', schema: sessionResponse },
      401: { description: 'wrong code, or not signed in' },
      409: { description: 'this session steps up by redirect: /auth/login?acr_values=aal2' },
      429: { description: 'too many tries' },
    },
    handler: async ({ headers, body, call }): Promise<HandlerResult> => {
      const session = await requireSession(deps, headers, 'POST');
      const { principal, row } = session;
      if (row.connection_kind !== 'embedded') {
        throw identityError(
          'ERR_STEP_UP_BY_REDIRECT',
          409,
          'this session steps up at its identity provider; go to /auth/login with acr_values=aal2',
        );
      }
      const targets = [{ type: 'identity.session', id: row.id }];
      const common = { tenantId: principal.tenantId, actor: principal, targets, call };
      const proof = await deps.factors.verify(principal.tenantId, principal.id, body.code);
      if (proof === null) {
        const detail = { sessionId: row.id, method: 'otp' as const };
        await deps.audit.record({
          ...common,
          definition: stepUpFailed,
          outcome: 'failure',
          reason: 'wrong_code',
          detail,
        });
        throw identityError(
          'ERR_CODE_INVALID',
          401,
          'the code is not valid or was used already; wait for the next one',
        );
      }
      const methods = [...new Set([...row.methods, proof.method === 'otp' ? 'otp' : 'kba', 'mfa'])];
      const ticket = await deps.database.withTenant(principal.tenantId, async (tx) => {
        const rotated = await deps.sessions.rotate(tx, row.id, { level: 2, methods });
        const detail = { fromSessionId: row.id, sessionId: rotated.id, level: 2, method: proof.method };
        await deps.audit.append(tx, { ...common, definition: stepUpSucceeded, outcome: 'success', detail });
        return rotated;
      });
      const cookie = sessionCookie(deps, ticket);
      const raised = await sessionOf(deps, { cookie: cookie.split(';')[0] });
      if (raised === null)
        throw identityError('ERR_SESSION_ENDED', 401, 'the session ended meanwhile; sign in again');
      const answer = await describeSession(deps, { ...raised, csrfToken: csrfTokenOf(ticket.secret) });
      return { status: 200, headers: { 'cache-control': 'no-store' }, body: answer, cookies: [cookie] };
    },
  });
}

function tenantsRoute(deps: RouteDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/identity/tenants',
    operationId: 'identityListTenants',
    summary: 'Tenants to choose from at sign-in; in development only',
    security: {
      kind: 'public',
      reason: 'a development house shows its demo tenants; a production house answers 404',
    },
    audit: { kind: 'none', reason: 'names of demo tenants' },
    request: {},
    responses: {
      200: { description: 'tenants', schema: tenantList },
      404: { description: 'not a development house' },
    },
    handler: async () => {
      if (deps.mode !== 'development')
        throw identityError('ERR_NOT_FOUND', 404, 'tenants are not listed here; use your own address');
      const { rows } = await deps.database.withSystem(
        (tx) => tx.query<{ slug: string; name: string }>(listTenants, [platformTenantId]),
        { readOnly: true },
      );
      return { status: 200, body: rows };
    },
  });
}
