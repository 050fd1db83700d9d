import { z } from 'zod';
import type { Database } from '../../db/index.ts';
import { defineRoute, invalidRequest, requirePrincipal, type AnyRoute } from '../../kernel/index.ts';
import type { DualControl } from '../control/dual-control.ts';
import { awaitingSchema, awaitingSecondPerson } from '../control/schema.ts';
import { providerInput } from './configuration.ts';
import {
  activateSchema,
  configuredSchema,
  healthSchema,
  providerName,
  providerPageSchema,
  providerParams,
  providersSchema,
  trialSchema,
} from './schema.ts';
import type { HouseSeal } from './house-seal.ts';
import type { TenantProviders } from './tenant-providers.ts';

/** What the routes need. */
export type ProviderRoutesDeps = {
  readonly database: Database;
  readonly providers: TenantProviders;
  readonly dualControl: DualControl;
  readonly houseSeal: HouseSeal;
};

const stepUp = { level: 2, maxAgeSeconds: 300 } as const;
const manage = { kind: 'principal', action: 'crypto.manage_providers', stepUp } as const;
const bodyLimitBytes = 65_536;

/** `/v1/crypto/providers`: whose key service holds the tenant's keys. */
export function createProviderRoutes(deps: ProviderRoutesDeps): readonly AnyRoute[] {
  return [
    listRoute(deps),
    configureRoute(deps),
    healthRoute(deps),
    tryRoute(deps),
    activateRoute(deps),
    removeRoute(deps),
  ];
}

function listRoute({ database, providers, houseSeal }: ProviderRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/crypto/providers',
    operationId: 'listRootProviders',
    summary: "The house's root provider and those that the tenant brought, with the epochs that need them",
    security: { kind: 'principal', action: 'crypto.read' },
    audit: { kind: 'none', reason: 'names, addresses and public keys of key services; no personal data' },
    request: { query: providerPageSchema },
    responses: { 200: { description: 'A page of root providers', schema: providersSchema } },
    handler: async ({ principal, query }) => {
      const { tenantId } = requirePrincipal(principal);
      const page = { after: readCursor(query.cursor), limit: query.limit + 1 };
      const found = await database.withTenant(tenantId, (tx) => providers.list(tx, page), { readOnly: true });
      const items = found.slice(0, query.limit);
      const last = found.length > query.limit ? items.at(-1) : undefined;
      const { name, kind, development } = await providers.house();
      return {
        status: 200,
        body: {
          house: { name, kind, development, sharesNeeded: houseSeal.status().threshold },
          items: items.map((item) => ({ ...item, createdAt: item.createdAt.toISOString() })),
          nextCursor: last === undefined ? null : Buffer.from(last.name, 'utf8').toString('base64url'),
        },
      };
    },
  });
}

function readCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const name = providerName.safeParse(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (!name.success)
    throw invalidRequest('the cursor is not one that this list gave; start without a cursor');
  return name.data;
}

function configureRoute({ providers }: ProviderRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/providers',
    operationId: 'configureRootProvider',
    summary: "Lay down a key service of the tenant's own; nothing uses it until two people change to it",
    security: manage,
    audit: { kind: 'event', actions: ['crypto.provider_configured'] },
    request: {
      body: z.strictObject({ name: providerName, configuration: providerInput }),
      bodyLimitBytes,
    },
    responses: {
      201: { description: 'Stored; `shown` has the public key to encrypt to', schema: configuredSchema },
    },
    handler: async ({ principal, body }) => {
      const { name, configuration } = body;
      const shown = await providers.configure(requirePrincipal(principal), name, configuration);
      return { status: 201, body: { name, kind: configuration.kind, state: 'ready', shown } };
    },
  });
}

function healthRoute({ providers }: ProviderRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/crypto/providers/{name}/health',
    operationId: 'readRootProviderHealth',
    summary: 'Whether a root provider answers now; nothing is wrapped',
    security: { kind: 'principal', action: 'crypto.read' },
    audit: { kind: 'none', reason: 'asks whether a key service answers; no key and no personal data' },
    request: { params: providerParams },
    responses: { 200: { description: 'Whether it answers, and why not', schema: healthSchema } },
    handler: async ({ principal, params }) => ({
      status: 200,
      body: await providers.health(requirePrincipal(principal).tenantId, params.name),
    }),
  });
}

function tryRoute({ providers }: ProviderRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/providers/{name}/test',
    operationId: 'tryRootProvider',
    summary: 'Wrap and unwrap a key that nobody uses, and say what failed',
    security: { kind: 'principal', action: 'crypto.manage_providers' },
    audit: { kind: 'event', actions: ['crypto.provider_tried'] },
    request: { params: providerParams },
    responses: { 200: { description: 'What was tried, whether it passed or not', schema: trialSchema } },
    handler: async ({ principal, params }) => ({
      status: 200,
      body: await providers.try(requirePrincipal(principal), params.name),
    }),
  });
}

function activateRoute({ database, providers, dualControl }: ProviderRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/providers/{name}/activate',
    operationId: 'changeRootProvider',
    summary: "Propose that this root provider wraps the tenant's keys from now on; a second person approves",
    security: manage,
    audit: { kind: 'event', actions: ['crypto.approval_proposed'] },
    request: { params: providerParams, body: activateSchema },
    responses: { 202: { description: 'Waits for a second person', schema: awaitingSchema } },
    handler: async ({ principal, params, body }) => {
      const proposedBy = requirePrincipal(principal);
      const proposal = {
        action: 'crypto.change_provider',
        payload: { provider: params.name },
        reason: body.reason,
        proposedBy,
      };
      const proposed = await database.withTenant(proposedBy.tenantId, async (tx) => {
        await providers.requireKnown(tx, params.name);
        return dualControl.propose(tx, proposal);
      });
      return awaitingSecondPerson(proposed);
    },
  });
}

function removeRoute({ providers }: ProviderRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'DELETE',
    path: '/v1/crypto/providers/{name}',
    operationId: 'removeRootProvider',
    summary: 'Forget a root provider that no epoch needs any more; its name stays used',
    security: manage,
    audit: { kind: 'event', actions: ['crypto.provider_removed'] },
    request: { params: providerParams },
    responses: { 204: { description: 'Forgotten' } },
    handler: async ({ principal, params }) => {
      await providers.remove(requirePrincipal(principal), params.name);
      return { status: 204 };
    },
  });
}
