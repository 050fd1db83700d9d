import type { Database, Tx } from '../../db/index.ts';
import { defineRoute, requirePrincipal, type AnyRoute, type Principal } from '../../kernel/index.ts';
import type { Audit } from '../audit.ts';
import { readSecurity } from '../read-trail.ts';
import { viewChanged } from './events.ts';
import type { SavedView } from './saved-views.ts';
import { viewInputSchema, viewParamsSchema, viewSchema, viewsSchema } from './schema.ts';

/** What the routes need. */
export type ViewRoutesDeps = { readonly audit: Audit; readonly database: Database };

const recorded = { kind: 'event', actions: ['audit.view_changed'] } as const;
const noneAnswer = { description: 'The caller has no such view' } as const;

/** `/v1/audit/views`. */
export function createViewRoutes(deps: ViewRoutesDeps): readonly AnyRoute[] {
  return [listRoute(deps), createRoute(deps), replaceRoute(deps), removeRoute(deps)];
}

function listRoute({ audit, database }: ViewRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/views',
    operationId: 'listAuditViews',
    summary: 'Saved searches of the caller, and those that others share',
    security: readSecurity,
    audit: { kind: 'none', reason: 'saved searches of the caller; no event is read' },
    request: {},
    responses: { 200: { description: 'The views', schema: viewsSchema } },
    handler: async ({ principal }) => {
      const owner = requirePrincipal(principal);
      const views = await database.withTenant(owner.tenantId, (tx) => audit.views.list(tx, owner), {
        readOnly: true,
      });
      return { status: 200, body: { items: views.map((view) => bodyOf(view, owner)) } };
    },
  });
}

function createRoute(deps: ViewRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/audit/views',
    operationId: 'createAuditView',
    summary: 'Keep a search; with a schedule it is delivered to the mail address of its owner',
    security: readSecurity,
    audit: recorded,
    request: { body: viewInputSchema },
    responses: {
      201: { description: 'The view', schema: viewSchema },
      409: { description: 'The name is taken' },
    },
    handler: async ({ principal, body }) => {
      const owner = requirePrincipal(principal);
      const view = await changing(deps, owner, 'created', (tx) => deps.audit.views.create(tx, owner, body));
      return { status: 201, body: bodyOf(view, owner) };
    },
  });
}

function replaceRoute(deps: ViewRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'PUT',
    path: '/v1/audit/views/{id}',
    operationId: 'replaceAuditView',
    summary: "Replace a saved search of one's own",
    security: readSecurity,
    audit: recorded,
    request: { params: viewParamsSchema, body: viewInputSchema },
    responses: {
      200: { description: 'The view', schema: viewSchema },
      404: noneAnswer,
      409: { description: 'The name is taken' },
    },
    handler: async ({ principal, params: { id }, body }) => {
      const owner = requirePrincipal(principal);
      const view = await changing(deps, owner, 'replaced', (tx) =>
        deps.audit.views.replace(tx, owner, id, body),
      );
      return { status: 200, body: bodyOf(view, owner) };
    },
  });
}

function removeRoute(deps: ViewRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'DELETE',
    path: '/v1/audit/views/{id}',
    operationId: 'removeAuditView',
    summary: "Forget a saved search of one's own; its schedule ends with it",
    security: readSecurity,
    audit: recorded,
    request: { params: viewParamsSchema },
    responses: { 204: { description: 'Removed' }, 404: noneAnswer },
    handler: async ({ principal, params: { id } }) => {
      const owner = requirePrincipal(principal);
      await changing(deps, owner, 'removed', async (tx) => {
        await deps.audit.views.remove(tx, owner, id);
        return { id, shared: false, schedule: null };
      });
      return { status: 204, body: undefined };
    },
  });
}

/** The change and its event together. */
async function changing<T extends Pick<SavedView, 'id' | 'shared' | 'schedule'>>(
  { audit, database }: ViewRoutesDeps,
  owner: Principal,
  change: 'created' | 'replaced' | 'removed',
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  await audit.prepare(owner.tenantId);
  return database.withTenant(owner.tenantId, async (tx) => {
    const view = await work(tx);
    await audit.append(tx, {
      definition: viewChanged,
      tenantId: owner.tenantId,
      outcome: 'success',
      actor: owner,
      targets: [{ type: 'audit.view', id: view.id }],
      detail: { viewId: view.id, change, shared: view.shared, scheduled: view.schedule !== null },
    });
    return view;
  });
}

const bodyOf = ({ ownerId, ...view }: SavedView, caller: Principal): unknown => ({
  id: view.id,
  name: view.name,
  shared: view.shared,
  mine: ownerId === caller.id,
  filter: view.filter,
  schedule: view.schedule,
  nextRunAt: view.nextRunAt?.toISOString() ?? null,
  lastRunAt: view.lastRunAt?.toISOString() ?? null,
  lastError: view.lastError,
  createdAt: view.createdAt.toISOString(),
});
