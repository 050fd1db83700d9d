import { defineRoute, type AnyRoute } from '../kernel/index.ts';
import { deadlineExtended } from './events.ts';
import { extend } from './extend-deadline.ts';
import { viewItem } from './request-list.ts';
import { openOperatorRequest, refuse } from './requests.ts';
import { caller, detailOf, detailResponses, problem, type RoutePorts } from './route-support.ts';
import { createBody, extendBody, idParams, refuseBody, requestItem } from './schema.ts';

/** What staff enter and decide about a request itself. */
export function entryRoutes(ports: RoutePorts): readonly AnyRoute[] {
  return [createDsrRequestRoute(ports), extendDsrRequestRoute(ports), refuseDsrRequestRoute(ports)];
}

function createDsrRequestRoute({ deps }: RoutePorts): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/dsr/requests',
    operationId: 'createDsrRequest',
    summary: 'Enter a request that arrived by letter, telephone or counter',
    security: { kind: 'principal', action: 'dsr.create' },
    audit: { kind: 'event', actions: ['dsr.request_received', 'dsr.state_changed'] },
    request: { body: createBody },
    responses: {
      201: { description: 'Taken in', schema: requestItem },
      400: problem,
      401: problem,
      403: problem,
    },
    handler: async (input) => {
      const row = await openOperatorRequest(deps, caller(input), input.body);
      return {
        status: 201,
        body: viewItem(row, deps.clock.now()),
        headers: { location: `/v1/dsr/requests/${row.id}` },
      };
    },
  });
}

function extendDsrRequestRoute(ports: RoutePorts): AnyRoute {
  const { deps } = ports;
  return defineRoute({
    method: 'POST',
    path: '/v1/dsr/requests/{id}/extend',
    operationId: 'extendDsrRequest',
    summary: 'Extend the deadline, once; the person is told the reason and the new date',
    security: { kind: 'principal', action: 'dsr.plan' },
    audit: { kind: 'event', actions: [deadlineExtended.action] },
    request: { params: idParams, body: extendBody },
    responses: detailResponses,
    handler: async (input) => {
      const by = caller(input);
      const at = { tenantId: by.principal.tenantId, requestId: input.params.id };
      await extend(deps, at, { ...by, ...input.body });
      return { status: 200, body: await detailOf(ports, by.principal, input.params.id) };
    },
  });
}

function refuseDsrRequestRoute(ports: RoutePorts): AnyRoute {
  const { deps } = ports;
  return defineRoute({
    method: 'POST',
    path: '/v1/dsr/requests/{id}/refuse',
    operationId: 'refuseDsrRequest',
    summary: 'Refuse with a ground; the person is told the reason and where to complain',
    security: { kind: 'principal', action: 'dsr.refuse' },
    audit: { kind: 'event', actions: ['dsr.state_changed'] },
    request: { params: idParams, body: refuseBody },
    responses: detailResponses,
    handler: async (input) => {
      const by = caller(input);
      await refuse(
        deps,
        { tenantId: by.principal.tenantId, requestId: input.params.id },
        { ...by, ...input.body },
      );
      return { status: 200, body: await detailOf(ports, by.principal, input.params.id) };
    },
  });
}
