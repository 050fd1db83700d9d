import { z } from 'zod';
import { requirePrincipal, defineRoute, type AnyRoute } from '../kernel/index.ts';
import { evaluationEvent } from './evaluation-event.ts';
import type { PolicyRouteDeps } from './route-deps.ts';
import { actionSchema, typeSchema } from './schema.ts';

const explainBody = z.strictObject({
  /** One of our principals or a subject of an own application; absent: the caller. */
  subject: z
    .strictObject({
      type: typeSchema,
      id: z.string().min(1).max(256),
      properties: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
  action: actionSchema,
  resource: z.strictObject({
    type: typeSchema,
    id: z.string().min(1).max(256).optional(),
    properties: z.record(z.string(), z.unknown()).optional(),
  }),
  purpose: z.string().max(63).optional(),
});
const decisionOut = z.looseObject({ decision: z.boolean(), revision: z.string() });

/** What may I, and why (not). */
export function createQuestionRoutes(deps: PolicyRouteDeps): readonly AnyRoute[] {
  return [permissions(deps), explain(deps)];
}

function permissions({ policy }: PolicyRouteDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/policy/permissions',
    operationId: 'getPolicyPermissions',
    summary: 'What the caller may do',
    security: { kind: 'principal', action: 'policy.permissions' },
    audit: { kind: 'none', reason: 'the caller asks about himself' },
    request: {},
    responses: {
      200: {
        description: 'Roles and actions',
        schema: z.object({ roles: z.array(z.string()), actions: z.record(z.string(), z.boolean()) }),
      },
    },
    handler: async ({ principal }) => ({
      status: 200,
      body: await policy.permissions(requirePrincipal(principal)),
    }),
  });
}

function explain(deps: PolicyRouteDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/policy/explain',
    operationId: 'explainPolicy',
    summary: 'A decision with its rule, row filter and field mask',
    security: { kind: 'principal', action: 'policy.evaluate' },
    audit: { kind: 'event', actions: ['policy.evaluated'] },
    request: { body: explainBody },
    responses: { 200: { description: 'The whole decision', schema: decisionOut } },
    handler: async ({ principal, body, call }) => {
      const by = requirePrincipal(principal);
      const { subject, action, purpose } = body;
      const resource = toResource(body.resource);
      const context = { call, ...(purpose === undefined ? {} : { purpose }) };
      const decision =
        subject === undefined
          ? await deps.policy.decide(by, action, resource, context)
          : await deps.decider.decideSubject(
              by.tenantId,
              {
                type: subject.type,
                id: subject.id,
                ...(subject.properties === undefined ? {} : { properties: subject.properties }),
              },
              action,
              resource,
              context,
            );
      const asked = {
        subject: subject ?? { type: by.kind, id: by.id },
        action,
        resource: { type: resource.type, id: resource.id ?? '' },
      };
      await deps.audit.record(evaluationEvent(by, call, { ...asked, decision }));
      return { status: 200, body: decision };
    },
  });
}

type Given = z.output<typeof explainBody>['resource'];

function toResource({ type, id, properties }: Given): {
  type: string;
  id?: string;
  properties?: Record<string, unknown>;
} {
  return { type, ...(id === undefined ? {} : { id }), ...(properties === undefined ? {} : { properties }) };
}
