import type { Database, Tx } from '../db/index.ts';
import {
  requirePrincipal,
  defineRoute,
  GatehouseError,
  invalidRequest,
  type AnyRoute,
  type AuditSink,
  type Logger,
  type Principal,
  type TenantId,
} from '../kernel/index.ts';
import type { SealedTables } from './sealed-table.ts';
import { createValuesRoutes } from './values/routes.ts';
import type { DualControl } from './control/dual-control.ts';
import { createControlRoutes } from './control/routes.ts';
import { createErasureRoutes } from './erasure/routes.ts';
import { keyStatusSchema, ledgerSchema, pageSchema, rotationSchema } from './schema.ts';
import type { Crypto, KeyStatus, LedgerEntry, RotationProgress } from './types.ts';

/** What the routes need. */
export type CryptoRoutesDeps = {
  readonly database: Database;
  readonly dualControl: DualControl;
  readonly audit: AuditSink<Tx>;
  /** Where ciphertext rests, from the data map. */
  readonly tables: SealedTables;
  /** Told when a rotation stops behind an answer already given. */
  readonly logger?: Logger;
  /** How long a rotation is waited for before it goes on behind the answer; default 10,000. */
  readonly rotationWaitMilliseconds?: number;
};

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const defaultWait = 10_000;

/** `/v1/crypto/*`. */
export function createCryptoRoutes(crypto: Crypto, deps: CryptoRoutesDeps): readonly AnyRoute[] {
  return [
    keysRoute(crypto, deps),
    ledgerRoute(crypto, deps),
    rotateRoute(crypto, deps),
    ...createControlRoutes(deps),
    ...createErasureRoutes(crypto, deps),
    ...createValuesRoutes(crypto, deps),
  ];
}

const readOnly = Object.freeze({ readOnly: true });

function keysRoute(crypto: Crypto, deps: CryptoRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/crypto/keys',
    operationId: 'readCryptoKeys',
    summary: 'Root provider, key epochs, counts of personal keys, and the keys of the tenant by purpose',
    security: { kind: 'principal', action: 'crypto.read' },
    audit: { kind: 'none', reason: 'counts and ages of keys, nothing of what they protect' },
    request: {},
    responses: { 200: { description: 'The keys of the tenant', schema: keyStatusSchema } },
    handler: async ({ principal }) => {
      const { tenantId } = requirePrincipal(principal);
      const status = await deps.database.withTenant(tenantId, (tx) => crypto.status(tx), readOnly);
      return { status: 200, body: statusBody(status) };
    },
  });
}

function statusBody(status: KeyStatus): unknown {
  return {
    ...status,
    provider: status.provider.name,
    development: status.provider.development,
    epochs: status.epochs.map((epoch) => ({ ...epoch, createdAt: epoch.createdAt.toISOString() })),
    tenantKeys: status.tenantKeys.map((key) => ({ ...key, createdAt: key.createdAt.toISOString() })),
  };
}

function ledgerRoute(crypto: Crypto, deps: CryptoRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/crypto/ledger',
    operationId: 'listShreddedKeys',
    summary: 'Destroyed keys, newest first: when, by whom, for which request',
    security: { kind: 'principal', action: 'crypto.read' },
    audit: { kind: 'none', reason: 'the ledger holds no personal data' },
    request: { query: pageSchema },
    responses: { 200: { description: 'A page of the shred ledger', schema: ledgerSchema } },
    handler: async ({ principal, query }) => {
      const { tenantId } = requirePrincipal(principal);
      const page = { after: readCursor(query.cursor), limit: query.limit + 1 };
      const entries = await deps.database.withTenant(tenantId, (tx) => crypto.ledger(tx, page), readOnly);
      const items = entries.slice(0, query.limit);
      const last = entries.length > query.limit ? items.at(-1) : undefined;
      return {
        status: 200,
        body: { items: items.map(ledgerItem), nextCursor: last === undefined ? null : writeCursor(last.id) },
      };
    },
  });
}

const ledgerItem = (entry: LedgerEntry): unknown => ({
  ...entry,
  shreddedAt: entry.shreddedAt.toISOString(),
});
const writeCursor = (id: string): string => Buffer.from(id, 'utf8').toString('base64url');

function readCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const id = Buffer.from(cursor, 'base64url').toString('utf8');
  if (!uuid.test(id))
    throw invalidRequest('the cursor is not one that this list gave; start without a cursor');
  return id;
}

function rotateRoute(crypto: Crypto, deps: CryptoRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/rotate',
    operationId: 'rotateCryptoKeys',
    summary: 'Begin a new key epoch and wrap every data key under it; stored data does not change',
    security: { kind: 'principal', action: 'crypto.rotate', stepUp: { level: 2, maxAgeSeconds: 300 } },
    audit: { kind: 'event', actions: ['crypto.rotation_started', 'crypto.rotation_finished'] },
    request: {},
    responses: {
      200: { description: 'Every data key is wrapped under the new epoch', schema: rotationSchema },
      202: {
        description: 'The rotation goes on; GET /v1/crypto/keys shows how far it is',
        schema: rotationSchema,
      },
    },
    handler: async ({ principal }) => rotateWithin(crypto, deps, requirePrincipal(principal)),
  });
}

const runningNow = new Set<TenantId>();

/** Waits a while for the rotation; a longer one goes on behind the answer, and a later call carries it on if it died. */
async function rotateWithin(
  crypto: Crypto,
  deps: CryptoRoutesDeps,
  actor: Principal,
): Promise<{ status: number; body: unknown }> {
  const { tenantId } = actor;
  if (runningNow.has(tenantId))
    throw new GatehouseError(
      'ERR_CONFLICT',
      'a rotation of this tenant is running; GET /v1/crypto/keys shows how far it is',
      { status: 409 },
    );
  runningNow.add(tenantId);
  let latest: RotationProgress | null = null;
  const work = crypto
    .rotate(tenantId, { actor, onProgress: (progress) => (latest = progress) })
    .finally(() => runningNow.delete(tenantId));
  const timer = Promise.withResolvers<null>();
  const timeout = setTimeout(() => timer.resolve(null), deps.rotationWaitMilliseconds ?? defaultWait);
  const done = await Promise.race([work, timer.promise]).finally(() => clearTimeout(timeout));
  if (done !== null) return { status: 200, body: { state: 'finished', ...done } };
  work.catch((error: unknown) =>
    deps.logger?.error('a key rotation stopped; calling it again carries it on', { error, tenantId }),
  );
  return {
    status: 202,
    body: {
      state: 'running',
      ...(latest ?? { epoch: null, resumed: false, rewrapped: 0, remaining: null, keysPerSecond: 0 }),
    },
  };
}
