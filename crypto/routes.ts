import type { Database, Tx } from '../db/index.ts';
import {
  requirePrincipal,
  defineRoute,
  invalidRequest,
  type AnyRoute,
  type AuditSink,
  type Clock,
} from '../kernel/index.ts';
import type { SealedTables } from './sealed-table.ts';
import { createValuesRoutes } from './values/routes.ts';
import type { DualControl } from './control/dual-control.ts';
import { createPostureRoutes } from './control/posture-routes.ts';
import { createControlRoutes } from './control/routes.ts';
import { createProviderRoutes } from './providers/routes.ts';
import { createUnsealRoute } from './providers/unseal-routes.ts';
import { createEscrowRoutes } from './escrow/routes.ts';
import { createErasureRoutes } from './erasure/routes.ts';
import { createKeyJobRoutes } from './rotation/routes.ts';
import { createSearchRoutes } from './search/routes.ts';
import { keyStatusSchema, ledgerSchema, ledgerStateSchema, pageSchema } from './schema.ts';
import type { Crypto, KeyStatus, LedgerEntry } from './types.ts';

/** What the routes need. */
export type CryptoRoutesDeps = {
  readonly database: Database;
  readonly dualControl: DualControl;
  readonly audit: AuditSink<Tx>;
  /** Where ciphertext rests, from the data map. */
  readonly tables: SealedTables;
  readonly clock: Clock;
  /** How long a rotation is waited for before it goes on behind the answer; default 10,000. */
  readonly rotationWaitMilliseconds?: number;
};

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** `/v1/crypto/*`. */
export function createCryptoRoutes(crypto: Crypto, deps: CryptoRoutesDeps): readonly AnyRoute[] {
  return [
    keysRoute(crypto, deps),
    ledgerRoute(crypto, deps),
    ledgerStateRoute(crypto),
    ...createSearchRoutes(crypto, deps),
    ...createKeyJobRoutes(crypto.jobs, deps),
    ...createControlRoutes(deps),
    ...createErasureRoutes(crypto, deps),
    ...createEscrowRoutes(deps),
    ...createPostureRoutes(crypto, deps),
    ...createValuesRoutes(crypto, deps),
    ...createProviderRoutes({ ...deps, providers: crypto.providers, houseSeal: crypto.houseSeal }),
    createUnsealRoute(crypto.houseSeal),
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

function ledgerStateRoute(crypto: Crypto): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/crypto/ledger/state',
    operationId: 'readShredLedgerState',
    summary: 'Whether the shred ledger outside the database agrees with it',
    security: { kind: 'principal', action: 'crypto.read' },
    audit: { kind: 'none', reason: 'says whether two records agree; no key and no personal data' },
    request: {},
    responses: { 200: { description: 'What the last comparison gave', schema: ledgerStateSchema } },
    handler: async () => {
      const { ok, detail } = crypto.shredLedger.state();
      return { status: 200, body: { ok, detail } };
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
