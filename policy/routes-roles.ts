import { z } from 'zod';
import {
  requirePrincipal,
  defineRoute,
  invalidRequest,
  requireFreshAuthentication,
  type AnyRoute,
  type Principal,
} from '../kernel/index.ts';
import { byPrincipal } from './administer.ts';
import type { CatalogField } from './catalog.ts';
import { checkRules } from './check-rules.ts';
import { readRoles } from './read-roles.ts';
import { everyone } from './default-roles.ts';
import { guardTypes } from './engine.ts';
import { policyError } from './errors.ts';
import { roleBodySchema, roleNameSchema, type PolicyRule } from './schema.ts';
import { grantStepUp, type PolicyRouteDeps } from './route-deps.ts';
import { freeFields } from './snapshot.ts';
import { selectResourceTypes } from './store.ts';

const ruleOut = z.looseObject({ action: z.unknown(), subject: z.unknown() });
const roleOut = z.object({
  name: z.string(),
  description: z.string(),
  rules: z.array(ruleOut),
  builtIn: z.boolean(),
});
const params = z.object({ name: roleNameSchema });

/** `/v1/policy/roles`: roles as data. */
export function createRoleRoutes(deps: PolicyRouteDeps): readonly AnyRoute[] {
  return [listRoles(deps), putRole(deps), deleteRole(deps)];
}

function listRoles({ database }: PolicyRouteDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/policy/roles',
    operationId: 'listPolicyRoles',
    summary: 'Roles with their rules',
    security: { kind: 'principal', action: 'policy.read' },
    audit: { kind: 'none', reason: 'rules hold no personal data' },
    request: {},
    responses: {
      200: {
        description: 'All roles of the tenant',
        schema: z.object({ items: z.array(roleOut), nextCursor: z.null() }),
      },
    },
    handler: async ({ principal }) => {
      const { tenantId } = requirePrincipal(principal);
      const items = await database.withTenant(tenantId, readRoles, { readOnly: true });
      return { status: 200, body: { items, nextCursor: null } };
    },
  });
}

function putRole(deps: PolicyRouteDeps): AnyRoute {
  return defineRoute({
    method: 'PUT',
    path: '/v1/policy/roles/{name}',
    operationId: 'putPolicyRole',
    summary: 'Make or replace a role',
    security: { kind: 'principal', action: 'policy.manage' },
    audit: { kind: 'event', actions: ['policy.role_changed'] },
    request: { params, body: roleBodySchema },
    responses: { 200: { description: 'The role as stored', schema: roleOut } },
    handler: async ({ principal, params: { name }, body, call }) => {
      const by = requirePrincipal(principal);
      await refuseOwnRole(deps, by, name);
      const rules = body.rules as readonly PolicyRule[]; // just parsed
      if (rules.some((rule) => reachesTheHouse(deps, rule))) {
        requireFreshAuthentication(by, grantStepUp, deps.clock.now());
      }
      await deps.database.withTenant(by.tenantId, async (tx) => {
        const types = await tx.query<{ type: string; fields: readonly { name: string; type: string }[] }>(
          selectResourceTypes,
          [by.tenantId],
        );
        const free = new Map(
          types.rows.map((row): [string, readonly CatalogField[]] => [row.type, freeFields(row.fields)]),
        );
        checkRules(rules, (type) => deps.fieldCatalog(type) ?? free.get(type) ?? null);
        await deps.policy.administration.putRole(
          tx,
          name,
          { description: body.description, rules, builtIn: false },
          byPrincipal(by, call),
        );
      });
      return { status: 200, body: { name, description: body.description, rules, builtIn: false } };
    },
  });
}

/** A rule over a guard or over mapped data is access to give away; a tenant's own resource types are its application's. */
function reachesTheHouse(deps: PolicyRouteDeps, { subject }: PolicyRule): boolean {
  return [subject].flat().some((type) => guardTypes.has(type) || deps.fieldCatalog(type) !== null);
}

function deleteRole(deps: PolicyRouteDeps): AnyRoute {
  return defineRoute({
    method: 'DELETE',
    path: '/v1/policy/roles/{name}',
    operationId: 'deletePolicyRole',
    summary: 'Remove a role that nobody holds',
    security: { kind: 'principal', action: 'policy.manage' },
    audit: { kind: 'event', actions: ['policy.role_changed'] },
    request: { params },
    responses: { 204: { description: 'Removed' } },
    handler: async ({ principal, params: { name }, call }) => {
      const by = requirePrincipal(principal);
      await refuseOwnRole(deps, by, name);
      await deps.database.withTenant(by.tenantId, (tx) =>
        deps.policy.administration.removeRole(tx, name, byPrincipal(by, call)),
      );
      return { status: 204 };
    },
  });
}

/** Changing the rules of a role that one holds would be granting to oneself by another door. */
async function refuseOwnRole(deps: PolicyRouteDeps, principal: Principal, name: string): Promise<void> {
  if (name === everyone.name) throw invalidRequest(`the role name "${name}" is taken by the house`);
  const held = await deps.policy.effectiveRoles(principal);
  if (held.includes(name)) {
    throw policyError(
      'ERR_POLICY_SELF_GRANT',
      `nobody changes a role that he holds ("${name}"); ask another administrator`,
      { status: 403 },
    );
  }
}
