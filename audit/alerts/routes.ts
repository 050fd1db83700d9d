import { defineRoute, invalidRequest, requirePrincipal, type AnyRoute } from '../../kernel/index.ts';
import { readSecurity } from '../read-trail.ts';
import type { Alert } from './alerts.ts';
import type { BacktestLine } from './backtest.ts';
import { ruleRoutes } from './routes-rules.ts';
import { manage, noRule, type AlertRoutesDeps } from './routes-shared.ts';
import {
  alertChangeSchema,
  alertPageSchema,
  alertSchema,
  alertsQuerySchema,
  backtestInputSchema,
  idParamsSchema,
  networksSchema,
} from './schema.ts';

/** `/v1/audit/rules` and `/v1/audit/alerts`. */
export function createAlertRoutes(deps: AlertRoutesDeps): readonly AnyRoute[] {
  return [
    ...ruleRoutes(deps),
    backtestRoute(deps),
    readNetworksRoute(deps),
    networksRoute(deps),
    alertsRoute(deps),
    alertRoute(deps),
    changeRoute(deps),
  ];
}

function backtestRoute({ audit, database }: AlertRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/audit/rules/backtest',
    operationId: 'backtestAuditRule',
    summary: 'Try a rule on events of the past: newline-delimited JSON; closing the connection ends it',
    security: readSecurity,
    audit: { kind: 'event', actions: ['audit.rule_tested'] },
    request: { body: backtestInputSchema },
    responses: {
      200: { description: 'Lines: begun, progress, alert, finished', contentType: 'application/x-ndjson' },
      404: noRule,
    },
    handler: async ({ principal, signal, body: { ruleId = null, from, since, to, ...body } }) => {
      const actor = requirePrincipal(principal);
      await audit.prepare(actor.tenantId);
      const definition =
        body.definition ??
        (await database.withTenant(actor.tenantId, (tx) => audit.alerting.rules.get(tx, ruleId ?? '')))
          .definition;
      const range = { from: from ?? null, since: since ?? null, to: to ?? null };
      const lines = audit.alerting.backtest(actor, { ruleId, definition, ...range, signal });
      const first = await lines.next(); // a range that is refused has a status of its own
      return {
        status: 200,
        headers: { 'content-type': 'application/x-ndjson; charset=utf-8', 'cache-control': 'no-store' },
        body: textOf(first, lines),
      };
    },
  });
}

async function* textOf(
  first: IteratorResult<BacktestLine>,
  lines: AsyncGenerator<BacktestLine>,
): AsyncGenerator<string> {
  if (first.done !== true) yield `${JSON.stringify(first.value)}\n`;
  for await (const line of lines) yield `${JSON.stringify(line)}\n`;
}

function readNetworksRoute({ audit, database }: AlertRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/rules/networks',
    operationId: 'readAuditRuleNetworks',
    summary: 'Where networks are, for impossible travel',
    security: readSecurity,
    audit: { kind: 'none', reason: 'a table that the tenant gave; no event is read' },
    request: {},
    responses: { 200: { description: 'The networks', schema: networksSchema } },
    handler: async ({ principal }) => {
      const { tenantId } = requirePrincipal(principal);
      const items = await database.withTenant(tenantId, (tx) => audit.alerting.alerts.networks(tx), {
        readOnly: true,
      });
      return { status: 200, body: { items } };
    },
  });
}

function networksRoute({ audit, database }: AlertRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'PUT',
    path: '/v1/audit/rules/networks',
    operationId: 'replaceAuditRuleNetworks',
    summary: 'Say where networks are, for impossible travel; replaces the table',
    security: manage,
    audit: { kind: 'event', actions: ['audit.networks_replaced'] },
    request: { body: networksSchema, bodyLimitBytes: 2_000_000 },
    responses: { 204: { description: 'Replaced' } },
    handler: async ({ principal, body: { items } }) => {
      const actor = requirePrincipal(principal);
      if (new Set(items.map(({ network }) => network)).size !== items.length)
        throw invalidRequest('a network stands in "items" twice');
      await audit.prepare(actor.tenantId);
      await database.withTenant(actor.tenantId, (tx) =>
        audit.alerting.alerts.replaceNetworks(tx, actor, items),
      );
      return { status: 204, body: undefined };
    },
  });
}

const unrecorded = {
  kind: 'none',
  reason: 'what rules found; events are named by number, and reading those is recorded',
} as const;

function alertsRoute({ audit, database }: AlertRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/alerts',
    operationId: 'listAuditAlerts',
    summary: 'What rules found, newest first',
    security: readSecurity,
    audit: unrecorded,
    request: { query: alertsQuerySchema },
    responses: { 200: { description: 'A page of alerts', schema: alertPageSchema } },
    handler: async ({ principal, query: { state = null, rule: ruleId = null, cursor, limit } }) => {
      const { tenantId } = requirePrincipal(principal);
      const page = { state, ruleId, before: readCursor(cursor), limit };
      const { found, open } = await database.withTenant(
        tenantId,
        async (tx) => ({
          found: await audit.alerting.alerts.list(tx, page),
          open: (await audit.alerting.alerts.count(tx)).open,
        }),
        { readOnly: true },
      );
      const last = found.length === limit ? found.at(-1) : undefined;
      const nextCursor = last === undefined ? null : Buffer.from(last.id).toString('base64url');
      return { status: 200, body: { items: found.map(alertBody), open, nextCursor } };
    },
  });
}

function alertRoute({ audit, database }: AlertRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/alerts/{id}',
    operationId: 'readAuditAlert',
    summary: 'One alert',
    security: readSecurity,
    audit: unrecorded,
    request: { params: idParamsSchema },
    responses: {
      200: { description: 'The alert', schema: alertSchema },
      404: { description: 'There is no such alert' },
    },
    handler: async ({ principal, params: { id } }) => {
      const { tenantId } = requirePrincipal(principal);
      const alert = await database.withTenant(tenantId, (tx) => audit.alerting.alerts.get(tx, id));
      return { status: 200, body: alertBody(alert) };
    },
  });
}

function changeRoute({ audit, database }: AlertRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/audit/alerts/{id}/change',
    operationId: 'changeAuditAlert',
    summary: 'Acknowledge, close or reopen an alert',
    security: manage,
    audit: { kind: 'event', actions: ['audit.alert_changed'] },
    request: { params: idParamsSchema, body: alertChangeSchema },
    responses: {
      200: { description: 'The alert', schema: alertSchema },
      404: { description: 'There is no such alert' },
    },
    handler: async ({ principal, params: { id }, body: { state } }) => {
      const actor = requirePrincipal(principal);
      await audit.prepare(actor.tenantId);
      const alert = await database.withTenant(actor.tenantId, (tx) =>
        audit.alerting.alerts.change(tx, actor, id, state),
      );
      return { status: 200, body: alertBody(alert) };
    },
  });
}

const alertBody = ({ at, raisedAt, changedAt, ...alert }: Alert): unknown => ({
  ...alert,
  at: at.toISOString(),
  raisedAt: raisedAt.toISOString(),
  changedAt: changedAt?.toISOString() ?? null,
});

function readCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const id = Buffer.from(cursor, 'base64url').toString('utf8');
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return id;
  throw invalidRequest('"cursor" is not one that this list gave');
}
