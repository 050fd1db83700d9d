import type { Tx } from '../../db/index.ts';
import { defineRoute, requirePrincipal, type AnyRoute, type Principal } from '../../kernel/index.ts';
import { readSecurity } from '../read-trail.ts';
import { manage, noRule, ruleBody, type AlertRoutesDeps } from './routes-shared.ts';
import type { RuleRow } from './rules.ts';
import { idParamsSchema, ruleInputSchema, ruleSchema, rulesSchema, templatesSchema } from './schema.ts';

const changes = { kind: 'event', actions: ['audit.rule_changed'] } as const;
const nameTaken = { description: 'The name is taken, or there are too many rules' } as const;

/** `/v1/audit/rules` but for trying them. */
export function ruleRoutes(deps: AlertRoutesDeps): readonly AnyRoute[] {
  return [
    listRoute(deps),
    templatesRoute(deps),
    createRoute(deps),
    replaceRoute(deps),
    removeRoute(deps),
    switchRoute(deps, 'enable'),
    switchRoute(deps, 'disable'),
    ...subscriptionRoutes(deps),
  ];
}

function listRoute({ audit, database }: AlertRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/rules',
    operationId: 'listAuditRules',
    summary: 'Alert rules of the tenant',
    security: readSecurity,
    audit: { kind: 'none', reason: 'rules over the trail; no event is read' },
    request: {},
    responses: { 200: { description: 'The rules', schema: rulesSchema } },
    handler: async ({ principal }) => {
      const { tenantId } = requirePrincipal(principal);
      const rules = await database.withTenant(tenantId, (tx) => audit.alerting.rules.list(tx), {
        readOnly: true,
      });
      return { status: 200, body: { items: rules.map(ruleBody) } };
    },
  });
}

function templatesRoute({ audit }: AlertRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/rules/templates',
    operationId: 'listAuditRuleTemplates',
    summary: 'Rules to begin with',
    security: readSecurity,
    audit: { kind: 'none', reason: 'the same for everybody' },
    request: {},
    responses: { 200: { description: 'The templates', schema: templatesSchema } },
    handler: () => Promise.resolve({ status: 200, body: { items: audit.alerting.templates } }),
  });
}

function createRoute(deps: AlertRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/audit/rules',
    operationId: 'createAuditRule',
    summary: 'Make an alert rule, switched off',
    security: manage,
    audit: changes,
    request: { body: ruleInputSchema },
    responses: { 201: { description: 'The rule', schema: ruleSchema }, 409: nameTaken },
    handler: async ({ principal, body }) => {
      const actor = requirePrincipal(principal);
      const rule = await changing(deps, actor, (tx) => deps.audit.alerting.rules.create(tx, actor, body));
      return { status: 201, body: ruleBody(rule) };
    },
  });
}

function replaceRoute(deps: AlertRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'PUT',
    path: '/v1/audit/rules/{id}',
    operationId: 'replaceAuditRule',
    summary: 'Replace an alert rule; another definition switches it off until it is back-tested',
    security: manage,
    audit: changes,
    request: { params: idParamsSchema, body: ruleInputSchema },
    responses: { 200: { description: 'The rule', schema: ruleSchema }, 404: noRule, 409: nameTaken },
    handler: async ({ principal, params: { id }, body }) => {
      const actor = requirePrincipal(principal);
      const rule = await changing(deps, actor, (tx) =>
        deps.audit.alerting.rules.replace(tx, actor, id, body),
      );
      return { status: 200, body: ruleBody(rule) };
    },
  });
}

function removeRoute(deps: AlertRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'DELETE',
    path: '/v1/audit/rules/{id}',
    operationId: 'removeAuditRule',
    summary: 'Remove an alert rule; its alerts stay',
    security: manage,
    audit: changes,
    request: { params: idParamsSchema },
    responses: { 204: { description: 'Removed' }, 404: noRule },
    handler: async ({ principal, params: { id } }) => {
      const actor = requirePrincipal(principal);
      await changing(deps, actor, (tx) => deps.audit.alerting.rules.remove(tx, actor, id));
      return { status: 204, body: undefined };
    },
  });
}

function switchRoute(deps: AlertRoutesDeps, verb: 'enable' | 'disable'): AnyRoute {
  const isOn = verb === 'enable';
  return defineRoute({
    method: 'POST',
    path: `/v1/audit/rules/{id}/${verb}`,
    operationId: isOn ? 'enableAuditRule' : 'disableAuditRule',
    summary: isOn
      ? 'Switch a back-tested rule on; events from now on count'
      : 'Switch a rule off; it forgets what it remembered',
    security: manage,
    audit: changes,
    request: { params: idParamsSchema },
    responses: {
      200: { description: 'The rule', schema: ruleSchema },
      404: noRule,
      ...(isOn ? { 409: { description: 'It was not back-tested, or too many rules are at work' } } : {}),
    },
    handler: async ({ principal, params: { id } }) => {
      const actor = requirePrincipal(principal);
      const rule = await changing(deps, actor, (tx) => deps.audit.alerting.rules[verb](tx, actor, id));
      return { status: 200, body: ruleBody(rule) };
    },
  });
}

/** Everybody who may read alerts may ask for the mails about them. */
function subscriptionRoutes(deps: AlertRoutesDeps): readonly AnyRoute[] {
  const route = (method: 'PUT' | 'DELETE', verb: 'subscribe' | 'unsubscribe', summary: string): AnyRoute =>
    defineRoute({
      method,
      path: '/v1/audit/rules/{id}/subscription',
      operationId: `${verb}AuditRule`,
      summary,
      security: readSecurity,
      audit: changes,
      request: { params: idParamsSchema },
      responses: { 204: { description: 'Done' }, 404: noRule },
      handler: async ({ principal, params: { id } }) => {
        const actor = requirePrincipal(principal);
        await changing(deps, actor, (tx) => deps.audit.alerting.rules[verb](tx, actor, id));
        return { status: 204, body: undefined };
      },
    });
  return [
    route('PUT', 'subscribe', "Get mails about a rule's alerts at one's own address"),
    route('DELETE', 'unsubscribe', "Get no more mails about a rule's alerts"),
  ];
}

async function changing<T extends RuleRow | void>(
  { audit, database }: AlertRoutesDeps,
  { tenantId }: Principal,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  await audit.prepare(tenantId);
  return database.withTenant(tenantId, work);
}
