import { z } from 'zod';
import type { Database } from '../../db/index.ts';
import { defineRoute, invalidRequest, requirePrincipal, type AnyRoute } from '../../kernel/index.ts';
import type { Crypto } from '../types.ts';
import { inventoryCsv } from './inventory/key-inventory.ts';

/** What the routes need. */
export type PostureRoutesDeps = { readonly database: Database };

const time = z.iso.datetime();
const kid = z.string().length(16);
const kinds = z.enum(['tenant_key', 'purpose_key', 'person_key', 'signing_key', 'certificate_key']);
const states = z.enum(['active', 'rewrapping', 'superseded', 'scheduled', 'destroyed']);
const limit = z.coerce.number().int().min(1).max(1_000).default(100);
const stepUp = { level: 2, maxAgeSeconds: 300 } as const;

const inventorySchema = z.object({
  overdue: z.record(kinds, z.number().int()),
  items: z.array(
    z.object({
      kind: kinds,
      id: z.string(),
      scope: z.string(),
      state: z.string(),
      owner: z.enum(['platform', 'tenant']),
      provider: z.string(),
      createdAt: time,
      ageDays: z.number().int(),
      uses: z.number().nullable(),
      cryptoperiodDays: z.number().int(),
      nextRotation: time.nullable(),
      overdue: z.boolean(),
    }),
  ),
  nextCursor: z.string().nullable(),
});

const plantSchema = z.strictObject({
  label: z.string().trim().min(1).max(200),
  collection: z.string().min(3).max(300),
  planted: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('value'),
      field: z.string().min(1).max(200),
      rowId: z.string().min(1).max(200),
      value: z.string().min(1).max(10_000),
    }),
    z.strictObject({ kind: z.literal('row'), values: z.record(z.string().max(100), z.unknown()) }),
  ]),
});

/** `/v1/crypto/inventory` and `/v1/crypto/canaries`. */
export function createPostureRoutes(crypto: Crypto, deps: PostureRoutesDeps): readonly AnyRoute[] {
  return [inventoryRoute(crypto, deps), listCanariesRoute(crypto, deps), plantRoute(crypto, deps)];
}

function inventoryRoute(crypto: Crypto, { database }: PostureRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/crypto/inventory',
    operationId: 'listKeyInventory',
    summary: 'Every key: kind, scope, age, uses, state, owner, provider, next rotation, overdue; JSON or CSV',
    security: { kind: 'principal', action: 'crypto.read' },
    audit: { kind: 'none', reason: 'kinds and ages of keys, nothing of whom or what they protect' },
    request: {
      query: z.object({
        cursor: z.string().max(200).optional(),
        limit,
        kind: kinds.optional(),
        state: states.optional(),
        overdue: z.enum(['true', 'false']).default('false'),
        format: z.enum(['json', 'csv']).default('json'),
      }),
    },
    responses: {
      200: {
        description: 'A page of the inventory',
        schema: inventorySchema,
        textType: 'text/csv; charset=utf-8',
      },
    },
    handler: async ({ principal, query }) => {
      const { tenantId } = requirePrincipal(principal);
      const wanted = {
        cursor: query.cursor ?? null,
        limit: query.limit,
        kind: query.kind ?? null,
        state: query.state ?? null,
        overdueOnly: query.overdue === 'true',
      };
      const { page, overdue } = await database.withTenant(
        tenantId,
        async (tx) => ({
          page: await crypto.inventory.page(tx, wanted),
          overdue: await crypto.inventory.overdue(tx),
        }),
        { readOnly: true },
      );
      if (query.format === 'csv')
        return {
          status: 200,
          body: inventoryCsv(page.items),
          headers: page.next === null ? {} : { 'x-next-cursor': page.next },
        };
      const items = page.items.map((key) => ({
        ...key,
        createdAt: key.createdAt.toISOString(),
        nextRotation: key.nextRotation?.toISOString() ?? null,
      }));
      return { status: 200, body: { overdue, items, nextCursor: page.next } };
    },
  });
}

function listCanariesRoute(crypto: Crypto, { database }: PostureRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/crypto/canaries',
    operationId: 'listCanaries',
    summary: 'Canaries, newest first, and how often each was opened',
    security: { kind: 'principal', action: 'crypto.canary' },
    audit: { kind: 'none', reason: 'canaries are nobody; who may lay them out may know where they are' },
    request: { query: z.object({ cursor: z.string().max(200).optional(), limit }) },
    responses: {
      200: {
        description: 'A page of canaries',
        schema: z.object({
          items: z.array(
            z.object({
              id: z.uuid(),
              kid,
              label: z.string(),
              collection: z.string(),
              rowId: z.string(),
              plantedBy: z.string(),
              plantedAt: time,
              opened: z.number().int(),
              lastOpenedAt: time.nullable(),
            }),
          ),
          nextCursor: z.string().nullable(),
        }),
      },
    },
    handler: async ({ principal, query }) => {
      const { tenantId } = requirePrincipal(principal);
      const after = query.cursor === undefined ? null : cursorId(query.cursor);
      const page = { after, limit: query.limit + 1 };
      const found = await database.withTenant(tenantId, (tx) => crypto.canaries.list(tx, page), {
        readOnly: true,
      });
      const items = found.slice(0, query.limit);
      const last = found.length > query.limit ? items.at(-1) : undefined;
      return {
        status: 200,
        body: {
          items: items.map((one) => ({
            ...one,
            plantedAt: one.plantedAt.toISOString(),
            lastOpenedAt: one.lastOpenedAt?.toISOString() ?? null,
          })),
          nextCursor: last === undefined ? null : Buffer.from(last.id).toString('base64url'),
        },
      };
    },
  });
}

function cursorId(cursor: string): string {
  const id = z.uuid().safeParse(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (id.success) return id.data;
  throw invalidRequest('the cursor is not one that this list gave; start without a cursor');
}

function plantRoute(crypto: Crypto, { database }: PostureRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/canaries',
    operationId: 'plantCanary',
    summary: 'Lay out a canary: a ciphertext to put anywhere, or a whole row in a mapped table',
    security: { kind: 'principal', action: 'crypto.canary', stepUp },
    audit: { kind: 'event', actions: ['crypto.canary_planted'] },
    request: { body: plantSchema },
    responses: {
      201: {
        description: 'Laid out',
        schema: z.object({ id: z.uuid(), kid, rowId: z.string(), ciphertext: z.string().nullable() }),
      },
    },
    handler: async ({ principal, body }) => {
      const by = requirePrincipal(principal);
      await crypto.warm(by.tenantId);
      const planted = await database.withTenant(by.tenantId, (tx) =>
        crypto.canaries.plant(tx, { ...body, by }),
      );
      return { status: 201, body: planted };
    },
  });
}
