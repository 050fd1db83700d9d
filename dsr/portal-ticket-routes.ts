import { z } from 'zod';
import { defineRoute, type AnyRoute } from '../kernel/index.ts';
import type { Tx } from '../db/index.ts';
import { dsrError } from './errors.ts';
import { downloadPackage } from './package-store.ts';
import type { DsrDeps } from './ports.ts';
import { viewStatus } from './portal-status.ts';
import { withdraw } from './portal-requests.ts';
import { requestByAnyTicket, requestByTicket } from './portal-tickets.ts';
import { openToPublic, problem } from './route-support.ts';
import { portalStatus, slugParams, ticketBody, ticketQuery } from './schema.ts';
import { selectCertificate } from './store-certificate.ts';

const stateAnswer = z.object({ state: z.string() });

/** What the holder of a ticket may see, fetch and do. */
export function portalTicketRoutes(deps: DsrDeps): readonly AnyRoute[] {
  return [
    getPortalStatusRoute(deps),
    getPortalCertificateRoute(deps),
    downloadPortalPackageRoute(deps),
    withdrawPortalRequestRoute(deps),
  ];
}

function getPortalStatusRoute(deps: DsrDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/dsr/portal/{slug}/status',
    operationId: 'getPortalStatus',
    summary: 'Where the request stands',
    security: openToPublic('the ticket is 256 random bits'),
    audit: { kind: 'none', reason: 'shows states and dates only' },
    request: { params: slugParams, query: ticketQuery },
    responses: { 200: { description: 'The status', schema: portalStatus }, 400: problem, 404: problem },
    handler: async ({ params, query }) => {
      const found = await requestByAnyTicket(deps, params.slug, query.ticket);
      const view = (tx: Tx) => viewStatus(tx, found, deps.clock.now());
      const body = await deps.database.withTenant(found.tenant.id, view, { readOnly: true });
      return { status: 200, body, headers: { 'cache-control': 'no-store' } };
    },
  });
}

function getPortalCertificateRoute(deps: DsrDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/dsr/portal/{slug}/certificate',
    operationId: 'getPortalCertificate',
    summary: 'The certificate of erasure as compact JWS',
    security: openToPublic('the ticket is 256 random bits'),
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
  });
}

function downloadPortalPackageRoute(deps: DsrDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/dsr/portal/{slug}/package',
    operationId: 'downloadPortalPackage',
    summary: 'The one download of the access package',
    security: openToPublic('the ticket is 256 random bits; one download'),
    audit: { kind: 'event', actions: ['dsr.package_downloaded'] },
    request: { params: slugParams, body: ticketBody },
    responses: { 200: { description: 'Zip', contentType: 'application/zip' }, 404: problem, 410: problem },
    handler: async ({ params, body, call }) => {
      const { tenant, row } = await requestByTicket(deps, params.slug, body.ticket);
      await deps.warm(tenant.id);
      const zip = await downloadPackage(deps, tenant.id, row, call);
      const headers = {
        'content-type': 'application/zip',
        'content-disposition': `attachment; filename="my-data-${row.id}.zip"`,
        'cache-control': 'no-store',
      };
      return { status: 200, body: zip, headers };
    },
  });
}

function withdrawPortalRequestRoute(deps: DsrDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/dsr/portal/{slug}/withdraw',
    operationId: 'withdrawPortalRequest',
    summary: 'Withdraw, as long as nothing was executed',
    security: openToPublic('the ticket is 256 random bits'),
    audit: { kind: 'event', actions: ['dsr.state_changed'] },
    request: { params: slugParams, body: ticketBody },
    responses: { 200: { description: 'The new state', schema: stateAnswer }, 404: problem, 409: problem },
    handler: async ({ params, body, call }) => ({
      status: 200,
      body: { state: (await withdraw(deps, params.slug, { ticket: body.ticket, call })).state },
    }),
  });
}
