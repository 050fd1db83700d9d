import { readFile } from 'node:fs/promises';
import { auditEvents, createAudit, createAuditRoutes, parsePolicy, type Audit } from '../audit/index.ts';
import {
  createCrypto,
  createColumnMigrations,
  createColumnRoutes,
  createCryptoRoutes,
  createDualControl,
  createPki,
  createPkiRoutes,
  cryptoEvents,
  dropPlaintextAction,
  readColumnPhases,
  type ColumnMigrations,
  type Crypto,
  type DualControl,
  type Executors,
  type Pki,
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
  type Secret,
} from '../kernel/index.ts';
import { compileRowFilter, createPolicy, policyEvents, type Policy } from '../policy/index.ts';
import type { Config } from './config.ts';
import { openRoots } from './root-provider.ts';
import { serverEvents } from './events.ts';
import { createOutboxMailer, createSmtpMailer, outboxFolder, type Mailer } from './mailer.ts';
import type { Metrics } from './metrics.ts';
import { version } from './version.ts';
import { createColumnTargets, dropExecutor } from './column-targets.ts';
import { createSealedTables } from './sealed-tables.ts';

/** What the rooms are made of. */
export type RoomsInput = {
  readonly config: Config;
  /** Holds the sealed root key. */
  readonly secretsPath: string;
  readonly database: Database;
  readonly logger: Logger;
  /** Of the local root key; null when an outside provider was chosen and none was given. */
  readonly passphrase: Secret | null;
};

type MeasuredInput = RoomsInput & { readonly metrics: Pick<Metrics, 'observeProviderCall'> };

/** Every room, joined, with the routes of all. */
export type Rooms = {
  readonly database: Database;
  readonly logger: Logger;
  readonly crypto: Crypto;
  readonly dualControl: DualControl;
  /** Encrypting existing columns of the tables that the data map names. */
  readonly columns: ColumnMigrations;
  readonly pki: Pki;
  readonly dataMap: DataMapRegistry;
  readonly audit: Audit;
  readonly identity: Identity;
  readonly policy: Policy;
  readonly dsr: Dsr;
  readonly gateway: Gateway;
  readonly mailer: Mailer;
  readonly roomRoutes: readonly AnyRoute[];
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

/** A new UUIDv7 of this moment. */
export const newId = (): string => uuidv7(systemClock.now().getTime(), systemRandomBytes);
const shared = { clock: systemClock, newId, randomBytes: systemRandomBytes } as const;

/** Joins the rooms, from the lowest floor up; starts nothing. */
export async function composeRooms({
  config,
  secretsPath,
  database,
  logger,
  passphrase,
  metrics,
}: MeasuredInput): Promise<Rooms> {
  const { publicUrl, mode } = config;
  const { root, formerRoots } = await openRoots(config, secretsPath, passphrase);
  const dataMap = createDataMapRegistry({
    database,
    builtIn: loadBuiltInDataMap(),
    clock: systemClock,
    columnPhases: readColumnPhases,
  });
  const tables = createSealedTables(dataMap);
  const crypto = createCrypto({
    ...shared,
    ...{ database, root, formerRoots, logger, tables },
    audit: () => audit,
    addressRules: config.addressRules,
    ledgerFolder: config.shredLedgerFolder,
    mayShred: (tx, subjectIds) => audit.holds.requireFree(tx, subjectIds),
    cryptoperiods: config.cryptoperiods,
    onProviderCall: ({ provider, ...call }) =>
      // Names that tenants choose are nobody else's business, and have no end.
      metrics.observeProviderCall({ ...call, provider: provider === root.name ? provider : 'other' }),
  });
  const audit: Audit = createAudit({
    ...shared,
    database,
    crypto,
    logger,
    originPrefix: config.logOrigin,
    witnessPolicy:
      config.witnessPolicyFile === null ? null : parsePolicy(await readFile(config.witnessPolicyFile)),
    productVersion: version,
    spoolFolder: config.auditSpoolFolder,
    publicUrl,
    sendMail: (mail) => mailer.send({ ...mail, language: 'en' }),
    addressRules: config.addressRules,
    definitions: allEvents,
  });
  const columns = createColumnMigrations({
    ...shared,
    database,
    crypto,
    audit: () => audit,
    targets: createColumnTargets(dataMap),
    announce: dataMap.announce,
  });
  const pki = createPki({ ...shared, database, crypto, logger, publicUrl, audit: () => audit });
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
      ? createOutboxMailer(outboxFolder(config.dataFolder), systemClock)
      : createSmtpMailer(config.smtpUrl, config.mailFrom);
  const dsr = createDsr({
    ...shared,
    database,
    crypto,
    audit,
    dataMap,
    mailer,
    logger,
    publicUrl,
    nameOf: identity.nameOf,
  });
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
  const executors: Executors = Object.freeze({
    ...crypto.erasure.executors,
    ...audit.executors,
    'crypto.change_provider': crypto.providers.change,
    'crypto.export_keys': crypto.exportKeys,
    [dropPlaintextAction]: dropExecutor(database, columns),
  });
  const dualControl = createDualControl({
    ...shared,
    database,
    logger,
    audit: () => audit,
    executors: () => executors,
    mayApprove: async (approver, action) => {
      const right = `${action.split('.')[0] ?? action}.approve`;
      return (await policy.permissions(approver, [right])).actions[right] === true;
    },
  });
  const roomRoutes = [
    ...identity.routes,
    ...policy.routes,
    ...createColumnRoutes({ database, columns, dualControl, logger }),
    ...createPkiRoutes(pki, { ...shared, database, publicUrl }),
    ...createAuditRoutes(audit, { database, productVersion: version, dualControl }),
    ...createCryptoRoutes(crypto, { database, clock: systemClock, dualControl, audit, tables }),
    ...createDataMapRoutes({ database, registry: dataMap }),
    ...dsr.routes,
    ...gateway.routes,
  ];
  return {
    database,
    logger,
    crypto,
    dualControl,
    columns,
    pki,
    dataMap,
    audit,
    identity,
    policy,
    dsr,
    gateway,
    mailer,
    roomRoutes,
  };
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
