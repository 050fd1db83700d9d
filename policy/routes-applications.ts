import { z } from 'zod';
import { requirePrincipal, defineRoute, type AnyRoute } from '../kernel/index.ts';
import { byPrincipal } from './administer.ts';
import { isFieldName } from './catalog.ts';
import { guardTypes } from './engine.ts';
import { policyError } from './errors.ts';
import type { PolicyRouteDeps } from './route-deps.ts';
import { resourceTypeBodySchema, subjectBodySchema, typeSchema } from './schema.ts';

const subjectParams = z.object({ type: typeSchema, id: z.string().min(1).max(256) });

/** What tenants bring for their own applications: subjects and resource types that AuthZEN callers ask about. */
export function createApplicationRoutes(deps: PolicyRouteDeps): readonly AnyRoute[] {
  return [putSubject(deps), deleteSubject(deps), putResourceType(deps)];
}

function putSubject(deps: PolicyRouteDeps): AnyRoute {
  return defineRoute({
    method: 'PUT',
    path: '/v1/policy/subjects/{type}/{id}',
    operationId: 'putPolicySubject',
    summary: 'Store a subject of an own application, with properties and roles',
    security: { kind: 'principal', action: 'policy.manage' },
    audit: { kind: 'event', actions: ['policy.subject_changed'] },
    request: { params: subjectParams, body: subjectBodySchema },
    responses: { 204: { description: 'Stored' } },
    handler: async ({ principal, params, body, call }) => {
      const by = requirePrincipal(principal);
      await deps.database.withTenant(by.tenantId, (tx) =>
        deps.policy.administration.putSubject(tx, { ...params, ...body }, byPrincipal(by, call)),
      );
      return { status: 204 };
    },
  });
}

function deleteSubject(deps: PolicyRouteDeps): AnyRoute {
  return defineRoute({
    method: 'DELETE',
    path: '/v1/policy/subjects/{type}/{id}',
    operationId: 'deletePolicySubject',
    summary: 'Remove a subject of an own application',
    security: { kind: 'principal', action: 'policy.manage' },
    audit: { kind: 'event', actions: ['policy.subject_changed'] },
    request: { params: subjectParams },
    responses: { 204: { description: 'Removed' } },
    handler: async ({ principal, params, call }) => {
      const by = requirePrincipal(principal);
      await deps.database.withTenant(by.tenantId, (tx) =>
        deps.policy.administration.removeSubject(tx, params.type, params.id, byPrincipal(by, call)),
      );
      return { status: 204 };
    },
  });
}

function putResourceType(deps: PolicyRouteDeps): AnyRoute {
  return defineRoute({
    method: 'PUT',
    path: '/v1/policy/resource-types/{type}',
    operationId: 'putPolicyResourceType',
    summary: 'Declare a resource type of an own application and the fields that conditions may name',
    security: { kind: 'principal', action: 'policy.manage' },
    audit: { kind: 'event', actions: ['policy.resource_type_changed'] },
    request: { params: z.object({ type: typeSchema }), body: resourceTypeBodySchema },
    responses: { 204: { description: 'Declared' } },
    handler: async ({ principal, params: { type }, body, call }) => {
      const by = requirePrincipal(principal);
      if (guardTypes.has(type) || deps.fieldCatalog(type) !== null) {
        throw policyError(
          'ERR_POLICY_BUILT_IN',
          `the resource type "${type}" belongs to the house; choose another name`,
          { status: 409 },
        );
      }
      const bad = body.fields.find((field) => !isFieldName(field.name));
      if (bad !== undefined)
        throw policyError('ERR_POLICY_UNKNOWN_FIELD', `"${bad.name}" cannot be a field name; choose another`);
      await deps.database.withTenant(by.tenantId, (tx) =>
        deps.policy.administration.putResourceType(tx, type, body.fields, byPrincipal(by, call)),
      );
      return { status: 204 };
    },
  });
}
