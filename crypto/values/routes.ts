import type { z } from 'zod';
import type { Database, Tx } from '../../db/index.ts';
import {
  defineRoute,
  GatehouseError,
  invalidRequest,
  isGatehouseError,
  parseSubjectId,
  requirePrincipal,
  type AnyRoute,
  type AuditSink,
  type CallContext,
  type Principal,
} from '../../kernel/index.ts';
import type { SealedTables } from '../sealed-table.ts';
import type { Crypto, EncryptionPlan, FieldContext, KeyScope, ManyOpened, ManySealed } from '../types.ts';
import { valuesIndexed, valuesOpened, valuesSealed } from './events.ts';
import {
  bodyLimitBytes,
  indexBodySchema,
  indexedSchema,
  maxBatchBytes,
  maxValueBytes,
  openBodySchema,
  openedSchema,
  sealBodySchema,
  sealedSchema,
} from './schema.ts';

/** What the routes need. */
export type ValuesRoutesDeps = {
  readonly database: Database;
  readonly audit: AuditSink<Tx>;
  readonly tables: SealedTables;
};

type Place = { readonly service: string; readonly collection: string; readonly purpose?: string };
/** One of the shapes of `schema.ts`. */
type Result =
  | { readonly state: 'refused'; readonly code: string }
  | { readonly state: 'sealed'; readonly ciphertext: string }
  | { readonly state: 'opened'; readonly plaintext: string }
  | { readonly state: 'shredded'; readonly requestId: string | null }
  | { readonly state: 'indexed'; readonly terms: readonly string[] };
type Batch = { readonly principal: Principal; readonly call: CallContext; readonly places: readonly Place[] };

/** Rooms seal their own secrets under these names; nobody reads those from outside. */
const ownServices: ReadonlySet<string> = new Set([
  'audit',
  'cli',
  'crypto',
  'datamap',
  'db',
  'dsr',
  'gateway',
  'identity',
  'kernel',
  'policy',
  'server',
]);

/** `/v1/crypto/seal|open|index`: batches for services that cannot link the package. */
export function createValuesRoutes(crypto: Crypto, deps: ValuesRoutesDeps): readonly AnyRoute[] {
  return [sealRoute(crypto, deps), openRoute(crypto, deps), indexRoute(crypto, deps)];
}

function sealRoute(crypto: Crypto, deps: ValuesRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/seal',
    operationId: 'sealValues',
    summary: 'Seal up to 200 values, each bound to its place; results in the order of the items',
    security: { kind: 'principal', action: 'crypto.seal' },
    audit: { kind: 'event', actions: [valuesSealed.action] },
    request: { body: sealBodySchema, bodyLimitBytes },
    responses: { 200: { description: 'A result for each item', schema: sealedSchema } },
    handler: async ({ principal, body, call }) => {
      const batch = begin(principal, call, body.items);
      const items = body.items.map((item) => ({
        scope: scopeOf(item),
        context: contextOf(item),
        plaintext: Buffer.from(item.plaintext, 'base64'),
        portable: item.portable,
      }));
      requireSizes(items.map(({ plaintext }) => plaintext.length));
      return finish(crypto, deps, batch, valuesSealed, async (tx) =>
        (await crypto.sealMany(tx, items)).map(sealedResult),
      );
    },
  });
}

function scopeOf(item: z.output<typeof sealBodySchema>['items'][number]): KeyScope {
  return item.scope.kind === 'subject'
    ? { kind: 'subject', subjectId: parseSubjectId(item.scope.subjectId) }
    : { kind: 'tenant', purpose: item.purpose };
}

function sealedResult(result: ManySealed): Result {
  if (result.kind === 'refused') return { state: 'refused', code: result.code };
  return { state: 'sealed', ciphertext: result.ciphertext };
}

function openRoute(crypto: Crypto, deps: ValuesRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/open',
    operationId: 'openValues',
    summary: 'Open up to 200 values, each in its own place; one that does not open says nothing of why',
    security: { kind: 'principal', action: 'crypto.open' },
    audit: { kind: 'event', actions: [valuesOpened.action, 'crypto.value_refused'] },
    request: { body: openBodySchema, bodyLimitBytes },
    responses: { 200: { description: 'A result for each item', schema: openedSchema } },
    handler: async ({ principal, body, call }) => {
      const batch = begin(principal, call, body.items);
      const items = body.items.map((item) => ({ context: contextOf(item), ciphertext: item.ciphertext }));
      return finish(crypto, deps, batch, valuesOpened, async (tx) =>
        (await crypto.openMany(tx, items)).map(openedResult),
      );
    },
  });
}

function openedResult(result: ManyOpened): Result {
  if (result.kind === 'refused') return { state: 'refused', code: result.code };
  if (result.kind === 'shredded') return { state: 'shredded', requestId: result.requestId };
  const plaintext = result.plaintext.toString('base64');
  result.plaintext.fill(0);
  return { state: 'opened', plaintext };
}

function indexRoute(crypto: Crypto, deps: ValuesRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/index',
    operationId: 'indexValues',
    summary: 'Terms of up to 200 values for the blind indexes of the data map, base64, to search or to store',
    security: { kind: 'principal', action: 'crypto.index' },
    audit: { kind: 'event', actions: [valuesIndexed.action] },
    request: { body: indexBodySchema, bodyLimitBytes },
    responses: { 200: { description: 'A result for each item', schema: indexedSchema } },
    handler: async ({ principal, body, call }) => {
      const batch = begin(principal, call, body.items);
      return finish(crypto, deps, batch, valuesIndexed, async (tx) => {
        const tables = await deps.tables(tx);
        const plans = new Map(tables.map(({ plan }) => [`${plan.service}.${plan.collection}`, plan]));
        const results: Result[] = [];
        for (const item of body.items) {
          const plan = plans.get(`${item.service}.${item.collection}`);
          results.push(await termsOf(crypto, tx, plan, item));
        }
        return results;
      });
    },
  });
}

async function termsOf(
  crypto: Crypto,
  tx: Tx,
  plan: EncryptionPlan | undefined,
  item: z.output<typeof indexBodySchema>['items'][number],
): Promise<Result> {
  const unknown: Result = { state: 'refused', code: 'ERR_CRYPTO_PLAN' };
  if (plan === undefined) return unknown;
  try {
    const terms = await crypto.indexTerms(tx, plan, item.field, item.index, item.value);
    return { state: 'indexed', terms: terms.map((term) => term.toString('base64')) };
  } catch (error) {
    if (isGatehouseError(error) && error.code === 'ERR_CRYPTO_PLAN') return unknown;
    throw error;
  }
}

/** People work through the gateway, where fields are decided and masked one by one; keys are lent to services only. */
function begin(found: Principal | null, call: CallContext, places: readonly Place[]): Batch {
  const principal = requirePrincipal(found);
  if (principal.kind !== 'service_account')
    throw new GatehouseError(
      'ERR_FORBIDDEN',
      'values are sealed, opened and indexed for service accounts only; read them through /v1/data',
      { status: 403 },
    );
  const own = places.find(({ service }) => ownServices.has(service));
  if (own !== undefined)
    throw invalidRequest(
      `service "${own.service}" is a part of the house; name the service whose data it is`,
    );
  return { principal, call, places };
}

function requireSizes(sizes: readonly number[]): void {
  if (sizes.some((size) => size > maxValueBytes))
    throw invalidRequest(`a value has more than ${maxValueBytes} bytes; seal large ones as files`);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total > maxBatchBytes)
    throw invalidRequest(
      `the values have ${total} bytes together, at most ${maxBatchBytes} are taken; send them in parts`,
    );
}

function contextOf(item: FieldContext): FieldContext {
  const { service, collection, field, rowId, purpose } = item;
  return { service, collection, field, rowId, purpose };
}

/** One transaction: the work and its one event, both or neither. The root is asked before it begins. */
async function finish(
  crypto: Crypto,
  { database, audit }: ValuesRoutesDeps,
  { principal, call, places }: Batch,
  definition: typeof valuesSealed,
  work: (tx: Tx) => Promise<readonly Result[]>,
): Promise<{ status: number; body: unknown }> {
  const { tenantId } = principal;
  await crypto.warm(tenantId);
  const results = await database.withTenant(tenantId, async (tx) => {
    const done = await work(tx);
    const codes: Record<string, number> = {};
    let refused = 0;
    for (const result of done) {
      if (result.state !== 'refused') continue;
      refused += 1;
      codes[result.code] = (codes[result.code] ?? 0) + 1;
    }
    await audit.append(tx, {
      definition,
      tenantId,
      outcome: refused === done.length ? 'failure' : 'success',
      actor: principal,
      call,
      detail: {
        items: done.length,
        refused,
        collections: [...new Set(places.map(({ service, collection }) => `${service}.${collection}`))],
        purposes: [...new Set(places.flatMap(({ purpose }) => purpose ?? []))],
        codes,
      },
    });
    return done;
  });
  return { status: 200, body: { results } };
}
