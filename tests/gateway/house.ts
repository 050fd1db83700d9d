import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { auditEvents, createAudit, type Audit } from '../../audit/index.ts';
import {
  createCrypto,
  createLocalProvider,
  cryptoEvents,
  readColumnPhases,
  type Crypto,
} from '../../crypto/index.ts';
import {
  createDataMapRegistry,
  dataMapEvents,
  fieldCatalog,
  type DataMap,
  type DataMapRegistry,
} from '../../datamap/index.ts';
import { loadBuiltInDataMap, loadCatalogDataMap } from '../../examples/marketing/data-map.ts';
import { marketingRoles } from '../../examples/marketing/roles.ts';
import { createGateway, gatewayEvents, type Gateway, type GatewaySuppression } from '../../gateway/index.ts';
import {
  isGatehouseError,
  parsePrincipalId,
  Secret,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
  type AuditSink,
  type Principal,
  type TenantId,
} from '../../kernel/index.ts';
import { compileRowFilter, createPolicy, policyEvents, type Policy } from '../../policy/index.ts';
import type { Tx } from '../../db/index.ts';
import { createSealedTables } from '../../server/sealed-tables.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** The rooms that a gateway needs, real ones, on a database of their own. */
export type TestHouse = {
  readonly db: TestDatabase;
  readonly crypto: Crypto;
  readonly audit: Audit;
  readonly policy: Policy;
  readonly dataMap: DataMapRegistry;
  readonly gateway: Gateway;
  /** A gateway with one part replaced. */
  readonly gatewayWith: (parts: {
    readonly audit?: AuditSink<Tx>;
    readonly suppression?: GatewaySuppression;
  }) => Gateway;
  /** A tenant with the marketing rules. */
  readonly tenant: () => Promise<TenantId>;
  readonly principal: (tenantId: TenantId, role: string, more?: Partial<Principal>) => Principal;
  readonly close: () => Promise<void>;
};

/** What an answered call gave; `code` is the problem's, null when it went well. */
export type Answer = {
  readonly status: number;
  readonly code: string | null;
  readonly message: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, unknown>>;
};

const newId = (): string => uuidv7(Date.now(), systemRandomBytes);
const nobody: GatewaySuppression = Object.freeze({ isSuppressed: async () => null });

/** Opens everything; call `close()` in `afterAll`. */
export async function openHouse(
  options: { readonly poolSize?: number; readonly map?: DataMap } = {},
): Promise<TestHouse> {
  const db = await createTestDatabase(options);
  const { database } = db;
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-gateway-'));
  const shared = {
    database,
    clock: systemClock,
    newId,
    randomBytes: systemRandomBytes,
    logger: silentLogger,
  };
  const root = await createLocalProvider({
    file: join(folder, 'root-key'),
    passphrase: new Secret('a passphrase for tests'),
    randomBytes: systemRandomBytes,
    costLog2: 14,
  });
  const definitions = [...cryptoEvents, ...dataMapEvents, ...auditEvents, ...policyEvents, ...gatewayEvents];
  const crypto: Crypto = createCrypto({
    ...{ ...shared, root, recordProviderCalls: false, audit: () => audit },
    tables: (tx) => createSealedTables(dataMap)(tx),
    indexVersionMilliseconds: 50,
  });
  const audit: Audit = createAudit({ ...shared, crypto, originPrefix: 'gatehouse.test/log', definitions });
  const dataMap = createDataMapRegistry({
    database,
    builtIn: options.map ?? loadBuiltInDataMap(),
    clock: systemClock,
    columnPhases: readColumnPhases,
  });
  const catalog = options.map ?? loadCatalogDataMap();
  const policy = createPolicy({
    ...shared,
    audit,
    fieldCatalog: (type) => fieldCatalog(catalog, type),
    resourceFacts: (type) => {
      const collection = catalog.collection(type);
      if (collection === null) return null;
      const purposes = catalog.service(collection.service)?.purposes ?? [];
      return {
        personal: collection.fields.some(({ sensitivity }) => sensitivity !== 'none'),
        purposes: purposes.map(({ key }) => key),
      };
    },
  });
  const gatewayWith: TestHouse['gatewayWith'] = (parts) =>
    createGateway({
      ...shared,
      crypto,
      audit,
      dataMap,
      policy: { decide: policy.decide, compileRowFilter },
      suppression: nobody,
      ...parts,
    });
  await audit.start();
  return {
    db,
    crypto,
    audit,
    policy,
    dataMap,
    gateway: gatewayWith({}),
    gatewayWith,
    tenant: async () => {
      const tenantId = await db.createTenant();
      await crypto.warm(tenantId);
      await audit.ensureLog(tenantId);
      await database.withTenant(tenantId, (tx) => policy.installDefaultRoles(tx, marketingRoles));
      return tenantId;
    },
    principal: (tenantId, role, more = {}) => ({
      kind: 'user',
      tenantId,
      id: parsePrincipalId(randomUUID()),
      displayName: role,
      email: null,
      roles: [role],
      attributes: { region: 'emea' },
      assurance: { level: 2, authenticatedAt: new Date(), methods: ['pwd', 'otp'] },
      sessionId: null,
      ...more,
    }),
    close: async () => {
      await policy.stop();
      await audit.stop();
      await crypto.stop();
      await db.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What a call is made of. */
export type CallInput = {
  readonly params: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly purpose?: string;
  readonly idempotencyKey?: string;
};

/** Calls a route as the HTTP adapter does: parse, handle, turn an error into its status and code. */
export async function call(
  gateway: Gateway,
  operationId: string,
  principal: Principal,
  input: CallInput,
): Promise<Answer> {
  const route = gateway.routes.find((candidate) => candidate.operationId === operationId);
  if (route === undefined) throw new Error(`no route ${operationId}`);
  const { params, query, body } = route.request;
  try {
    const result = await route.handler({
      params: params?.parse(input.params),
      query: query?.parse(input.query ?? {}),
      body: body?.parse(input.body),
      principal,
      call: { requestId: newId(), traceparent: null, origin: { ip: null, userAgent: null, service: 'test' } },
      headers: input.purpose === undefined ? {} : { 'gatehouse-purpose': input.purpose },
      idempotencyKey: input.idempotencyKey ?? null,
      signal: new AbortController().signal,
    });
    const answer = (result.body ?? {}) as Readonly<Record<string, unknown>>; // routes answer with objects
    return { status: result.status, code: null, message: '', body: answer, headers: result.headers ?? {} };
  } catch (error) {
    if (!isGatehouseError(error)) throw error;
    return { status: error.status, code: error.code, message: error.message, body: {}, headers: {} };
  }
}

/** The records of a page. */
export function itemsOf(answer: Answer): readonly Readonly<Record<string, unknown>>[] {
  if (answer.status !== 200) throw new Error(`${answer.status} ${String(answer.code)}: ${answer.message}`);
  return answer.body['items'] as readonly Readonly<Record<string, unknown>>[]; // the list response's shape
}
