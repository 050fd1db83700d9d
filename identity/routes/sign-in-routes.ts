import type { z } from 'zod';
import { defineRoute, isGatehouseError, notFound, parseTenantId, type AnyRoute } from '../../kernel/index.ts';
import { findTenantBySlug } from '../accounts/store-accounts.ts';
import { chooseLanguage } from '../provider/messages.ts';
import { errorPage, pageHeaders } from '../provider/pages.ts';
import { callbackQuery, loginQuery } from '../schema.ts';
import { flowSeconds } from '../relying-party/begin-sign-in.ts';
import { parseTicket, readCookie } from '../sessions/cookies.ts';
import { requireSession, sessionCookie, sessionOf, type Headers, type RouteDeps } from './route-deps.ts';

const noStore = { 'cache-control': 'no-store' };
const asText = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;

/** Sign-in, its way back, and sign-out. */
export function createSignInRoutes(deps: RouteDeps): readonly AnyRoute[] {
  return Object.freeze([loginRoute(deps), callbackRoute(deps), logoutRoute(deps)]);
}

function loginRoute(deps: RouteDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/auth/login',
    operationId: 'identitySignIn',
    summary: 'Sends the browser to the tenant’s identity provider',
    security: { kind: 'public', reason: 'nobody is signed in yet' },
    audit: { kind: 'none', reason: 'nothing happened yet; the outcome is recorded at the callback' },
    request: { query: loginQuery },
    responses: {
      302: { description: 'to the provider' },
      404: { description: 'no such tenant' },
      503: { description: 'provider unreachable' },
    },
    handler: async ({ query, headers }) => {
      const elsewhere = otherOrigin(deps.publicUrl, headers, query);
      if (elsewhere !== null) return { status: 302, headers: { location: elsewhere, ...noStore } };
      const found = await deps.database.withSystem(
        (tx) => tx.query<{ id: string; slug: string }>(findTenantBySlug, [query.tenant]),
        { readOnly: true },
      );
      const row = found.rows[0];
      if (row === undefined) throw notFound('tenant', query.tenant);
      const tenant = { id: parseTenantId(row.id), slug: row.slug };
      const session = query.acr_values === 'aal2' ? await sessionOf(deps, headers) : null;
      const begun = await deps.beginSignIn({
        tenant,
        returnTo: query.return_to,
        acrValues: query.acr_values,
        maxAge: query.max_age,
        uiLocales: query.ui_locales,
        sessionId: session?.principal.tenantId === tenant.id ? session.row.id : null,
      });
      const cookie = deps.cookies.set(deps.cookies.flowName, begun.cookieValue, flowSeconds);
      return { status: 302, headers: { location: begun.location, ...noStore }, cookies: [cookie] };
    },
  });
}

/** The flow cookie must be set on the origin that the provider sends the browser back to. */
function otherOrigin(publicUrl: string, headers: Headers, query: z.output<typeof loginQuery>): string | null {
  const host = asText(headers['host']);
  if (host === undefined || host === new URL(publicUrl).host || !/^(localhost|\[::1\])(:\d+)?$/.test(host))
    return null;
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) search.set(name, String(value));
  return `${publicUrl}/auth/login?${search.toString()}`;
}

function callbackRoute(deps: RouteDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/auth/callback',
    operationId: 'identitySignInCallback',
    summary: 'Where the identity provider sends the browser back to',
    security: { kind: 'public', reason: 'the flow cookie and the code prove who comes' },
    audit: {
      kind: 'event',
      actions: [
        'identity.sign_in_succeeded',
        'identity.sign_in_failed',
        'identity.step_up_succeeded',
        'identity.user_created',
      ],
    },
    request: { query: callbackQuery },
    responses: {
      302: { description: 'signed in' },
      400: { description: 'the answer does not hold', contentType: 'text/html' },
      403: { description: 'the user has no access', contentType: 'text/html' },
      503: { description: 'provider unreachable', contentType: 'text/html' },
    },
    handler: async ({ query, headers, call }) => {
      const cleared = deps.cookies.clear(deps.cookies.flowName);
      const flow = parseTicket(readCookie(headers['cookie'], deps.cookies.flowName));
      try {
        const session = await sessionOf(deps, headers);
        const done = await deps.finishSignIn({
          query: new URLSearchParams(query).toString(),
          flow,
          session,
          call,
        });
        return {
          status: 302,
          headers: { location: done.returnTo, ...noStore },
          cookies: [cleared, sessionCookie(deps, done.ticket)],
        };
      } catch (error) {
        if (!isGatehouseError(error)) throw error;
        const language = chooseLanguage(undefined, asText(headers['accept-language']));
        const kind = error.status === 503 ? 'unavailable' : error.status === 403 ? 'refused' : 'expired';
        return {
          status: error.status,
          headers: { ...pageHeaders },
          body: errorPage(language, kind),
          cookies: [cleared],
        };
      }
    },
  });
}

function logoutRoute(deps: RouteDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/auth/logout',
    operationId: 'identitySignOut',
    summary: 'Ends the session, here and at the provider',
    security: {
      kind: 'public',
      reason: 'signing out must work for everybody; the handler checks session and CSRF token',
    },
    audit: { kind: 'event', actions: ['identity.session_ended'] },
    request: {},
    responses: { 204: { description: 'signed out' }, 403: { description: 'CSRF token missing' } },
    handler: async ({ headers, call }) => {
      const cookies = [deps.cookies.clear(deps.cookies.sessionName)];
      if ((await sessionOf(deps, headers)) === null) return { status: 204, cookies };
      const { principal, row } = await requireSession(deps, headers, 'POST');
      await deps.endSession({
        tenantId: principal.tenantId,
        sessionId: row.id,
        cause: 'sign_out',
        actor: principal,
        call,
      });
      return { status: 204, cookies };
    },
  });
}
