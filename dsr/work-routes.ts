import { defineRoute, type AnyRoute } from '../kernel/index.ts';
import { approvePlan } from './approve-plan.ts';
import { drive } from './drive.ts';
import { makePlan } from './planning.ts';
import { caller, detailOf, detailResponses, type RoutePorts } from './route-support.ts';
import { approveBody, idParams } from './schema.ts';

/** Planning, approving and carrying out. */
export function workRoutes(ports: RoutePorts): readonly AnyRoute[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/dsr/requests/{id}/plan',
      operationId: 'planDsrRequest',
      summary: 'Plan from the data map, with row counts',
      security: { kind: 'principal', action: 'dsr.plan' },
      audit: { kind: 'event', actions: ['dsr.plan_created', 'dsr.state_changed'] },
      request: { params: idParams },
      responses: detailResponses,
      handler: async (input) => {
        const by = caller(input);
        await makePlan(ports, by.principal.tenantId, input.params.id, by);
        return { status: 200, body: await detailOf(ports, by.principal, input.params.id) };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/dsr/requests/{id}/approve',
      operationId: 'approveDsrPlan',
      summary: 'A second person approves exactly this plan',
      security: { kind: 'principal', action: 'dsr.approve', stepUp: { level: 2, maxAgeSeconds: 300 } },
      audit: { kind: 'event', actions: ['dsr.plan_approved', 'dsr.state_changed'] },
      request: { params: idParams, body: approveBody },
      responses: detailResponses,
      handler: async (input) => {
        const by = caller(input);
        await approvePlan(ports.deps, by.principal.tenantId, input.params.id, {
          ...by,
          planHash: input.body.planHash,
        });
        return { status: 200, body: await detailOf(ports, by.principal, input.params.id) };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/dsr/requests/{id}/execute',
      operationId: 'executeDsrRequest',
      summary: 'Carry it out now; the worker would otherwise do so for approved erasures',
      security: { kind: 'principal', action: 'dsr.execute' },
      audit: { kind: 'event', actions: ['dsr.state_changed', 'dsr.execution_refused'] },
      request: { params: idParams },
      responses: detailResponses,
      handler: async (input) => {
        const by = caller(input);
        const tenantId = by.principal.tenantId;
        await drive(ports, { tenantId, requestId: input.params.id }, { actor: by.principal, call: by.call });
        return { status: 200, body: await detailOf(ports, by.principal, input.params.id) };
      },
    }),
  ];
}
