import { defineRoute, notFound, type AnyRoute } from '../kernel/index.ts';
import { requestRead } from './events.ts';
import { readRequest } from './request-row.ts';
import { viewDetail } from './request-detail.ts';
import { listRequests } from './request-list.ts';
import { caller, problem, type RoutePorts } from './route-support.ts';
import { idParams, listQuery, requestDetail, requestPage } from './schema.ts';
import { selectCertificate } from './store-certificate.ts';

/** Reading requests. */
export function readRoutes(ports: RoutePorts): readonly AnyRoute[] {
  return [listDsrRequestsRoute(ports), getDsrRequestRoute(ports), getDsrCertificateRoute(ports)];
}

function listDsrRequestsRoute({ deps }: RoutePorts): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/dsr/requests',
    operationId: 'listDsrRequests',
    summary: 'Requests, newest first',
    security: { kind: 'principal', action: 'dsr.read' },
    audit: { kind: 'none', reason: 'lists show masked identities only; opening a request is recorded' },
    request: { query: listQuery },
    responses: { 200: { description: 'A page', schema: requestPage }, 401: problem, 403: problem },
    handler: async (input) => {
      const { principal } = caller(input);
      const body = await deps.database.withTenant(
        principal.tenantId,
        (tx) => listRequests(tx, input.query, deps.clock.now()),
        { readOnly: true },
      );
      return { status: 200, body };
    },
  });
}

function getDsrRequestRoute({ deps }: RoutePorts): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/dsr/requests/{id}',
    operationId: 'getDsrRequest',
    summary: 'One request with its plan, tasks, findings and clock',
    security: { kind: 'principal', action: 'dsr.read' },
    audit: { kind: 'event', actions: [requestRead.action] },
    request: { params: idParams },
    responses: {
      200: { description: 'The request', schema: requestDetail },
      401: problem,
      403: problem,
      404: problem,
    },
    handler: async (input) => {
      const { principal, call } = caller(input);
      await deps.warm(principal.tenantId);
      const body = await deps.database.withTenant(principal.tenantId, async (tx) => {
        const row = await readRequest(tx, input.params.id);
        await deps.audit.append(tx, {
          definition: requestRead,
          tenantId: principal.tenantId,
          outcome: 'success',
          actor: principal,
          call,
          targets: [{ type: 'dsr.request', id: row.id }],
          detail: { requestId: row.id },
        });
        return viewDetail(deps, tx, row);
      });
      return { status: 200, body };
    },
  });
}

function getDsrCertificateRoute({ deps }: RoutePorts): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/dsr/requests/{id}/certificate',
    operationId: 'getDsrCertificate',
    summary: 'The certificate of erasure as compact JWS',
    security: { kind: 'principal', action: 'dsr.download' },
    audit: {
      kind: 'none',
      reason: 'a certificate holds no personal data and is meant to be shown to anybody',
    },
    request: { params: idParams },
    responses: {
      200: { description: 'Compact JWS', contentType: 'application/jose' },
      401: problem,
      403: problem,
      404: problem,
    },
    handler: async (input) => {
      const { principal } = caller(input);
      const { rows } = await deps.database.withTenant(
        principal.tenantId,
        (tx) => tx.query<{ jws: string }>(selectCertificate, [input.params.id]),
        { readOnly: true },
      );
      const certificate = rows[0];
      if (certificate === undefined) throw notFound('certificate of request', input.params.id);
      return { status: 200, body: certificate.jws, headers: { 'content-type': 'application/jose' } };
    },
  });
}
