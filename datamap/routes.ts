import type { Database } from '../db/index.ts';
import { defineRoute, requirePrincipal, type AnyRoute } from '../kernel/index.ts';
import { findDrift } from './drift.ts';
import type { DataMapRegistry } from './registry.ts';
import { driftResponse, servicesResponse } from './wire.ts';

const audit = {
  kind: 'none',
  reason: 'the map describes data and holds none; changes of it are recorded',
} as const;
const security = { kind: 'principal', action: 'datamap.read' } as const;

/** Routes of the room: the map in force and how far the schema has drifted from it. */
export function createDataMapRoutes(deps: {
  readonly database: Database;
  readonly registry: DataMapRegistry;
}): readonly AnyRoute[] {
  const { database, registry } = deps;
  return Object.freeze([
    defineRoute({
      method: 'GET',
      path: '/v1/datamap/services',
      operationId: 'listDataMapServices',
      summary: 'Every wrapped data service with its collections and fields',
      security,
      audit,
      request: {},
      responses: { 200: { description: 'The map in force', schema: servicesResponse } },
      handler: async ({ principal }) => {
        const map = await database.withTenant(requirePrincipal(principal).tenantId, registry.forTenant, {
          readOnly: true,
        });
        return {
          status: 200,
          body: { items: map.services, nextCursor: null, revision: map.revision, gaps: map.gaps },
        };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/datamap/drift',
      operationId: 'listDataMapDrift',
      summary: 'Differences between the map and the live schema',
      security,
      audit,
      request: {},
      responses: { 200: { description: 'Findings; empty when map and schema agree', schema: driftResponse } },
      handler: async ({ principal }) => {
        const { items, revision } = await database.withTenant(
          requirePrincipal(principal).tenantId,
          async (tx) => {
            const map = await registry.forTenant(tx);
            return { items: await findDrift(tx, map), revision: map.revision };
          },
          { readOnly: true },
        );
        return { status: 200, body: { items, nextCursor: null, revision } };
      },
    }),
  ]);
}
