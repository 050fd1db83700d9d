import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { auditEvents, createAudit, createAuditRoutes, type Audit } from '../audit/index.ts';
import {
  createCrypto,
  createCryptoRoutes,
  createLocalProvider,
  cryptoEvents,
  type Crypto,
} from '../crypto/index.ts';
import {
  createDataMapRegistry,
  createDataMapRoutes,
  dataMapEvents,
  fieldCatalog,
  type DataMap,
  type DataMapRegistry,
} from '../datamap/index.ts';
import type { Database } from '../db/index.ts';
import { createDsr, dsrEvents, type Dsr } from '../dsr/index.ts';
import { loadBuiltInDataMap, loadCatalogDataMap } from '../examples/marketing/data-map.ts';
import { createGateway, gatewayEvents, type Gateway } from '../gateway/index.ts';
import { createIdentity, identityEvents, type Identity } from '../identity/index.ts';
import {
  systemClock,
  systemRandomBytes,
  uuidv7,
  type AnyRoute,
  type EventDefinition,
  type Logger,
  type NewId,
  type Secret,
} from '../kernel/index.ts';
import { compileRowFilter, createPolicy, policyEvents, type Policy } from '../policy/index.ts';
import type { Config } from './config.ts';
import { registerConsole } from './console-files.ts';
import { createDocsRoutes } from './docs-routes.ts';
import { serverEvents } from './events.ts';
import { createHealthRoutes } from './health-routes.ts';
import { createHttpServer } from './http.ts';
import type { CronJob, Ticker } from './jobs.ts';
import { createMetrics } from './metrics.ts';
import { createOutboxMailer, createOutboxRoutes, createSmtpMailer, type Mailer } from './mailer.ts';
import { openApiDocument } from './openapi.ts';
import { createOverviewRoutes } from './overview.ts';
import { overviewSources } from './overview-tiles.ts';
import { registerProvider } from './provider-mount.ts';
import { cronJobsOf, tickersOf } from './periodic.ts';
import { readinessChecks } from './readiness.ts';

/** What the composition root is given. */
export type ComposeInput = {
  readonly config: Config;
  readonly folder: { readonly path: string; readonly secretsPath: string };
  readonly database: Database;
  readonly logger: Logger;
  /** Folder of the built console; null serves no pages (tests). */
  readonly consoleFolder: string | null;
  readonly passphrase: Secret;
};

/** Every room, joined. */
export type House = {
  readonly config: Config;
  readonly database: Database;
  readonly crypto: Crypto;
  readonly dataMap: DataMapRegistry;
  readonly audit: Audit;
  readonly identity: Identity;
  readonly policy: Policy;
  readonly dsr: Dsr;
  readonly gateway: Gateway;
  readonly mailer: Mailer;
  readonly routes: readonly AnyRoute[];
  readonly http: FastifyInstance;
  readonly cronJobs: readonly CronJob[];
  readonly tickers: readonly Ticker[];
  readonly logger: Logger;
  readonly newId: NewId;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** Every event that any room may record. */
export const allEvents: readonly EventDefinition[] = Object.freeze([
  ...serverEvents,
  ...cryptoEvents,
  ...dataMapEvents,
  ...auditEvents,
  ...identityEvents,
  ...policyEvents,
  ...dsrEvents,
  ...gatewayEvents,
]);

/** Joins the rooms, from the lowest floor up; starts nothing. */
export async function compose(input: ComposeInput): Promise<House> {
  const rooms = await composeRooms(input);
  const metrics = createMetrics();
  const routes: AnyRoute[] = [];
  routes.push(
    ...createHealthRoutes(readinessChecks(rooms), metrics),
    ...createDocsRoutes(
      () => openApiDocument(http),
      () => routes,
    ),
    ...createOverviewRoutes(
      overviewSources(rooms),
      async (principal, action) =>
        (await rooms.policy.permissions(principal, [action])).actions[action] === true,
    ),
    ...(input.config.mode === 'development'
      ? createOutboxRoutes(join(input.config.dataFolder, 'outbox'))
      : []),
    ...rooms.roomRoutes,
  );
  const http = await createHttpServer({
    routes,
    authorize: {
      authenticate: rooms.identity.authenticate,
      decide: rooms.policy.decide,
      audit: rooms.audit,
      now: systemClock.now,
    },
    logger: input.logger,
    newId,
    metrics,
    publicUrl: input.config.publicUrl,
    trustProxy: input.config.trustProxy,
    extend: async (app) => {
      await registerProvider(app, rooms.identity.providerHandler);
      if (input.consoleFolder !== null) await registerConsole(app, input.consoleFolder);
    },
  });
  return Object.freeze({
    ...rooms,
    config: input.config,
    database: input.database,
    logger: input.logger,
    newId,
    routes,
    http,
    cronJobs: cronJobsOf(rooms),
    tickers: tickersOf(rooms),
    start: async () => {
      await rooms.audit.start();
      await rooms.identity.start();
    },
    stop: async () => {
      await rooms.identity.stop();
      await rooms.policy.stop();
      await rooms.audit.stop();
      await rooms.crypto.stop();
    },
  });
}

const newId = (): string => uuidv7(systemClock.now().getTime(), systemRandomBytes);
const shared = { clock: systemClock, newId, randomBytes: systemRandomBytes } as const;

/** The rooms alone, as overview, readiness and jobs see them. */
export type Rooms = Pick<
  House,
  'database' | 'crypto' | 'dataMap' | 'audit' | 'identity' | 'policy' | 'dsr' | 'gateway' | 'mailer'
> & {
  readonly roomRoutes: readonly AnyRoute[];
};

async function composeRooms({ config, folder, database, logger, passphrase }: ComposeInput): Promise<Rooms> {
  const { publicUrl, mode } = config;
  const root = await createLocalProvider({
    file: join(folder.secretsPath, 'root-key'),
    passphrase,
    randomBytes: systemRandomBytes,
    development: config.rootKeyPassphrase === null,
  });
  const crypto = createCrypto({ ...shared, database, root, logger, audit: () => audit });
  const audit: Audit = createAudit({
    ...shared,
    database,
    crypto,
    logger,
    originPrefix: config.logOrigin,
    definitions: allEvents,
  });
  const dataMap = createDataMapRegistry({ database, builtIn: loadBuiltInDataMap(), clock: systemClock });
  const identity = createIdentity({ ...shared, database, crypto, audit, logger, publicUrl, mode });
  const catalogMap = loadCatalogDataMap();
  const policy = createPolicy({
    ...shared,
    database,
    audit,
    logger,
    publicUrl,
    fieldCatalog: (type) => fieldCatalog(catalogMap, type),
    resourceFacts: (type) => resourceFacts(catalogMap, type),
  });
  const mailer =
    config.smtpUrl === null
      ? createOutboxMailer(join(config.dataFolder, 'outbox'), systemClock)
      : createSmtpMailer(config.smtpUrl, config.mailFrom);
  const dsr = createDsr({ ...shared, database, crypto, audit, dataMap, mailer, logger, publicUrl });
  const gateway = createGateway({
    ...shared,
    database,
    crypto,
    audit,
    dataMap,
    logger,
    policy: { decide: policy.decide, compileRowFilter },
    suppression: dsr.suppression,
  });
  const roomRoutes = [
    ...identity.routes,
    ...policy.routes,
    ...createAuditRoutes(audit, { database }),
    ...createCryptoRoutes(crypto, { database, logger }),
    ...createDataMapRoutes({ database, registry: dataMap }),
    ...dsr.routes,
    ...gateway.routes,
  ];
  return { database, crypto, dataMap, audit, identity, policy, dsr, gateway, mailer, roomRoutes };
}

/** What guardrails must know of a collection: whether it speaks of people, and for which purposes it may be read. */
function resourceFacts(
  map: DataMap,
  type: string,
): { readonly personal: boolean; readonly purposes: readonly string[] } | null {
  const collection = map.collection(type);
  if (collection === null) return null;
  const purposes = map.service(collection.service)?.purposes ?? [];
  return {
    personal: collection.fields.some((field) => field.sensitivity !== 'none'),
    purposes: purposes.flatMap((purpose) => [purpose.key, ...purpose.aliases]),
  };
}
