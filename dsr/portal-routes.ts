import { z } from 'zod';
import { defineRoute, type AnyRoute } from '../kernel/index.ts';
import { dsrError } from './errors.ts';
import { downloadPackage } from './execute-access.ts';
import { lawIds, requestTypes } from './law-packs.ts';
import { languages } from './messages.ts';
import type { DsrDeps } from './ports.ts';
import { viewStatus } from './request-view.ts';
import { openPortalRequest, requestByTicket, resendCode, verifyByCode, withdraw } from './requests.ts';
import {
  portalBody,
  portalInfo,
  portalStatus,
  slugParams,
  ticketBody,
  ticketQuery,
  verifyBody,
} from './schema.ts';
import { selectCertificate } from './store-work.ts';
import { tenantBySlug } from './tenant-settings.ts';

const problem = { description: 'Problem details (RFC 9457)' };
const security = (reason: string) => ({ kind: 'public' as const, reason });
const stateAnswer = z.object({ state: z.string() });

/** Routes for people without an account: a form, a code, and from then on the ticket. */
export function portalRoutes(deps: DsrDeps): readonly AnyRoute[] {
  return [...askRoutes(deps), ...ticketRoutes(deps)];
}

function askRoutes(deps: DsrDeps): readonly AnyRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/dsr/portal/{slug}',
      operationId: 'getPortal',
      summary: 'What the portal offers',
      security: security('the portal is for people without an account'),
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
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/dsr/portal/{slug}/requests',
      operationId: 'openPortalRequest',
      summary: 'Ask for access or erasure; a code is mailed',
      security: security('the same answer whether the person is known or not'),
      audit: { kind: 'event', actions: ['dsr.request_received', 'dsr.state_changed'] },
      request: { params: slugParams, body: portalBody, bodyLimitBytes: 32_768 },
      responses: {
        202: { description: 'Taken in', schema: z.object({ ticket: z.string() }) },
        400: problem,
        404: problem,
      },
      handler: async ({ params, body }) => ({
        status: 202,
        body: await openPortalRequest(deps, params.slug, body),
      }),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/dsr/portal/{slug}/verify',
      operationId: 'verifyPortalRequest',
      summary: 'Enter the mailed code',
      security: security('the code proves control of the mailbox'),
      audit: { kind: 'event', actions: ['dsr.identity_checked', 'dsr.state_changed'] },
      request: { params: slugParams, body: verifyBody },
      responses: { 200: { description: 'The new state', schema: stateAnswer }, 400: problem, 404: problem },
      handler: async ({ params, body }) => ({
        status: 200,
        body: { state: (await verifyByCode(deps, params.slug, body)).state },
      }),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/dsr/portal/{slug}/code',
      operationId: 'resendPortalCode',
      summary: 'Mail a new code; the one before is void',
      security: security('the ticket proves who asks'),
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
    }),
  ];
}

function ticketRoutes(deps: DsrDeps): readonly AnyRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/dsr/portal/{slug}/status',
      operationId: 'getPortalStatus',
      summary: 'Where the request stands',
      security: security('the ticket is 256 random bits'),
      audit: { kind: 'none', reason: 'shows states and dates only' },
      request: { params: slugParams, query: ticketQuery },
      responses: { 200: { description: 'The status', schema: portalStatus }, 400: problem, 404: problem },
      handler: async ({ params, query }) => {
        const { tenant, row } = await requestByTicket(deps, params.slug, query.ticket);
        const body = await deps.database.withTenant(
          tenant.id,
          (tx) => viewStatus(tx, row, deps.clock.now()),
          { readOnly: true },
        );
        return { status: 200, body, headers: { 'cache-control': 'no-store' } };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/dsr/portal/{slug}/certificate',
      operationId: 'getPortalCertificate',
      summary: 'The certificate of erasure as compact JWS',
      security: security('the ticket is 256 random bits'),
      audit: { kind: 'none', reason: 'a certificate holds no personal data' },
      request: { params: slugParams, query: ticketQuery },
      responses: { 200: { description: 'Compact JWS', contentType: 'application/jose' }, 404: problem },
      handler: async ({ params, query }) => {
        const { tenant, row } = await requestByTicket(deps, params.slug, query.ticket);
        const { rows } = await deps.database.withTenant(
          tenant.id,
          (tx) => tx.query<{ jws: string }>(selectCertificate, [row.id]),
          { readOnly: true },
        );
        const certificate = rows[0];
        if (certificate === undefined)
          throw dsrError('ERR_DSR_NO_CERTIFICATE', 'there is no certificate yet; look at the status', {
            status: 404,
          });
        return { status: 200, body: certificate.jws, headers: { 'content-type': 'application/jose' } };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/dsr/portal/{slug}/package',
      operationId: 'downloadPortalPackage',
      summary: 'The one download of the access package',
      security: security('the ticket is 256 random bits; one download'),
      audit: { kind: 'event', actions: ['dsr.package_downloaded'] },
      request: { params: slugParams, body: ticketBody },
      responses: { 200: { description: 'Zip', contentType: 'application/zip' }, 404: problem, 410: problem },
      handler: async ({ params, body }) => {
        const { tenant, row } = await requestByTicket(deps, params.slug, body.ticket);
        await deps.crypto.warm(tenant.id);
        const zip = await downloadPackage(deps, tenant.id, row);
        const headers = {
          'content-type': 'application/zip',
          'content-disposition': `attachment; filename="my-data-${row.id}.zip"`,
          'cache-control': 'no-store',
        };
        return { status: 200, body: zip, headers };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/dsr/portal/{slug}/withdraw',
      operationId: 'withdrawPortalRequest',
      summary: 'Withdraw, as long as nothing was executed',
      security: security('the ticket is 256 random bits'),
      audit: { kind: 'event', actions: ['dsr.state_changed'] },
      request: { params: slugParams, body: ticketBody },
      responses: { 200: { description: 'The new state', schema: stateAnswer }, 404: problem, 409: problem },
      handler: async ({ params, body }) => ({
        status: 200,
        body: { state: (await withdraw(deps, params.slug, body.ticket)).state },
      }),
    }),
  ];
}
