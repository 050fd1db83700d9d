import { z } from 'zod';
import { defineRoute, type AnyRoute } from '../kernel/index.ts';
import { lawIds, requestTypes } from './law-packs.ts';
import { languages } from './messages.ts';
import type { DsrDeps } from './ports.ts';
import { openPortalRequest, resendCode, verifyByCode } from './portal-requests.ts';
import { openToPublic, problem } from './route-support.ts';
import { portalBody, portalInfo, slugParams, ticketBody, verifyBody } from './schema.ts';
import { tenantBySlug } from './tenant-settings.ts';

const provedAnswer = z.object({ state: z.string(), ticket: z.string() });

/** Asking, and proving who asks. */
export function portalAskRoutes(deps: DsrDeps): readonly AnyRoute[] {
  return [
    getPortalRoute(deps),
    openPortalRequestRoute(deps),
    verifyPortalRequestRoute(deps),
    resendPortalCodeRoute(deps),
  ];
}

function getPortalRoute(deps: DsrDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/dsr/portal/{slug}',
    operationId: 'getPortal',
    summary: 'What the portal offers',
    security: openToPublic('the portal is for people without an account'),
    audit: { kind: 'none', reason: 'nothing personal is read' },
    request: { params: slugParams },
    responses: { 200: { description: 'The offer', schema: portalInfo }, 404: problem },
    handler: async ({ params }) => {
      const tenant = await tenantBySlug(deps.database, params.slug);
      return {
        status: 200,
        body: {
          tenant: { name: tenant.name },
          laws: [...lawIds],
          types: [...requestTypes],
          languages: [...languages],
        },
      };
    },
  });
}

function openPortalRequestRoute(deps: DsrDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/dsr/portal/{slug}/requests',
    operationId: 'openPortalRequest',
    summary: 'Ask for access or erasure; a code is mailed',
    security: openToPublic('the same answer whether the person is known or not'),
    audit: { kind: 'event', actions: ['dsr.request_received', 'dsr.state_changed'] },
    request: { params: slugParams, body: portalBody, bodyLimitBytes: 32_768 },
    responses: {
      202: { description: 'Taken in', schema: z.object({ ticket: z.string() }) },
      400: problem,
      404: problem,
    },
    handler: async ({ params, body, call }) => ({
      status: 202,
      body: await openPortalRequest(deps, params.slug, { ...body, call }),
    }),
  });
}

function verifyPortalRequestRoute(deps: DsrDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/dsr/portal/{slug}/verify',
    operationId: 'verifyPortalRequest',
    summary: 'Enter the mailed code; the ticket that comes back replaces the one before',
    security: openToPublic('the code proves control of the mailbox'),
    audit: { kind: 'event', actions: ['dsr.identity_checked', 'dsr.state_changed'] },
    request: { params: slugParams, body: verifyBody },
    responses: {
      200: { description: 'The new state and the new ticket', schema: provedAnswer },
      400: problem,
      404: problem,
    },
    handler: async ({ params, body, call }) => ({
      status: 200,
      body: await verifyByCode(deps, params.slug, { ...body, call }),
      headers: { 'cache-control': 'no-store' },
    }),
  });
}

function resendPortalCodeRoute(deps: DsrDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/dsr/portal/{slug}/code',
    operationId: 'resendPortalCode',
    summary: 'Mail a new code; the one before is void',
    security: openToPublic('the ticket proves who asks'),
    audit: { kind: 'none', reason: 'the message that is sent is recorded' },
    request: { params: slugParams, body: ticketBody },
    responses: {
      202: {
        description: 'The same answer whether one was sent',
        schema: z.object({ accepted: z.literal(true) }),
      },
      400: problem,
      404: problem,
    },
    handler: async ({ params, body }) => {
      await resendCode(deps, params.slug, body.ticket);
      return { status: 202, body: { accepted: true } };
    },
  });
}
