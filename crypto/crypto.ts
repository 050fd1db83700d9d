import { createHmac } from 'node:crypto';
import type { Database, Tx } from '../db/index.ts';
import type {
  AddressRules,
  AuditSink,
  Clock,
  Logger,
  NewId,
  RandomBytes,
  SubjectId,
  TenantId,
} from '../kernel/index.ts';
import { encodedContextOf } from './associated-data.ts';
import { portableSuite, rowSuite } from './ct1.ts';
import { countMessages, fieldSuiteOf, macKeyOf, type DataKey } from './data-key.ts';
import { createDataKeys } from './data-keys.ts';
import { cryptoError } from './errors.ts';
import { createFailures } from './failures.ts';
import { createFiles } from './files/files.ts';
import { readInventory, readLedgerPage } from './inventory.ts';
import { createKeyCache, defaultCacheLimits, type CacheLimits } from './key-cache.ts';
import { createRandomPool } from './nonce-pool.ts';
import { failed, openOne } from './open-one.ts';
import { openRows } from './open-rows.ts';
import { packRow, unpackRow } from './packed-row.ts';
import { createCallRecorder, type CallRecorder } from './providers/call-recorder.ts';
import { createGuardedProvider, type CallReport } from './providers/guarded-provider.ts';
import type { GuardLimits } from './providers/guard-limits.ts';
import { createProviderRegistry, type ProviderRegistry } from './providers/provider-registry.ts';
import { openSeal } from './providers/house-seal.ts';
import { createTenantProviders } from './providers/tenant-providers.ts';
import { createPurge } from './purge.ts';
import type { RootProvider } from './root-provider.ts';
import { rotate } from './rotate.ts';
import { createKeyJobs } from './rotation/key-jobs.ts';
import { createKeyWorks } from './rotation/works.ts';
import { indexTerms, rangeTerms, sealRows } from './seal-rows.ts';
import { sealValue, type ValueSuite } from './seal-value.ts';
import { createCanaries } from './control/canaries/canaries.ts';
import { defaultCryptoperiods, type Cryptoperiods } from './control/inventory/cryptoperiods.ts';
import { createKeyInventory } from './control/inventory/key-inventory.ts';
import { createErasure } from './erasure/erasure.ts';
import { createKeyExport } from './escrow/export-keys.ts';
import { noLedger } from './erasure/ledger/no-ledger.ts';
import { createShredLedger } from './erasure/ledger/shred-ledger.ts';
import { shred, type MayShred } from './erasure/shred.ts';
import { advise } from './search/advise.ts';
import { createIndexVersions, defaultVersionAge } from './search/index-versions.ts';
import type { SealedTables } from './sealed-table.ts';
import { createSigningKeys } from './signing-key.ts';
import { createTenantKeys, type TenantKeys } from './tenant-keys.ts';
import { createTransactionKeys } from './transaction-keys.ts';
import type { Crypto, EncryptionPlan, FieldContext, KeyScope, OpenedRow, Row } from './types.ts';
import { createUsage } from './usage.ts';
import { openMany, sealMany } from './values/many.ts';

/** What the room needs. */
export type CryptoDeps = {
  readonly database: Database;
  /** The house's provider, without the guard: that is put around it here. */
  readonly root: RootProvider;
  /** Providers that the house used before: they go on opening what they wrapped until it is rotated away. */
  readonly formerRoots?: readonly RootProvider[];
  /** Which key services of tenants may be called; default: public ones over https. */
  readonly addressRules?: AddressRules;
  /** A thunk, because the log itself needs this room. */
  readonly audit: () => AuditSink<Tx>;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly newId: NewId;
  readonly logger: Logger;
  /** Where ciphertext rests, from the data map; none when absent. */
  readonly tables?: SealedTables;
  /** How long a process may be silent before another carries its job on; 15. */
  readonly jobLeaseSeconds?: number;
  /** Days for which keys may seal, wrap or sign. */
  readonly cryptoperiods?: Cryptoperiods;
  /** Asked before keys of people are destroyed; a room above knows of legal holds. Absent: nothing is kept. */
  readonly mayShred?: MayShred;
  /** Folder of the shred ledger outside the database; absent: the database has the only one. */
  readonly ledgerFolder?: string;
  /** How long a process may use what it knows of index versions; 2,000. */
  readonly indexVersionMilliseconds?: number;
  /** Bounds of the data-key cache; five minutes, a million messages, 16 GiB, 20,000 keys. */
  readonly cacheLimits?: Partial<CacheLimits>;
  /** Bounds of calls to root providers. */
  readonly guardLimits?: Partial<GuardLimits>;
  /** Told of every call that reached a root provider, after it ended; must not throw. */
  readonly onProviderCall?: (report: CallReport) => void;
  /** Whether each call to a root provider is an event; false is for tests that count events. Default true. */
  readonly recordProviderCalls?: boolean;
};

const maxMacPurpose = 90;
const ledgerPurpose = 'shred-ledger';
const publicOnly: AddressRules = Object.freeze({ development: false, allowPrivate: false });

/** Joins the parts of the room. */
export function createCrypto(deps: CryptoDeps): Crypto {
  const parts = createParts(deps);
  const { dataKeys, purge, failures, random, usage } = parts;
  const one = { ...createOneByOne(parts) };
  const signingKeys = createSigningKeys({
    ...one,
    random,
    clock: deps.clock,
    maxAgeSeconds: parts.limits.maxAgeSeconds,
  });
  const mac = async (tx: Tx, purpose: string, value: string): Promise<Buffer> => {
    if (purpose === '' || purpose.length > maxMacPurpose)
      throw cryptoError('ERR_CRYPTO_INPUT', `a purpose must have 1 to ${maxMacPurpose} characters`);
    const key = await dataKeys.forScope(tx, { kind: 'tenant', purpose: `mac:${purpose}` });
    return createHmac('sha256', macKeyOf(key)).update(value, 'utf8').digest();
  };
  const subjectHash = (tx: Tx, subjectId: SubjectId): Promise<Buffer> => mac(tx, ledgerPurpose, subjectId);
  const shredLedger =
    deps.ledgerFolder === undefined
      ? noLedger
      : createShredLedger({
          ...deps,
          purge,
          warm: parts.warm,
          folder: deps.ledgerFolder,
          signer: (tx) => signingKeys.get(tx, ledgerPurpose),
        });
  const rotateTenant: Crypto['rotate'] = (tenantId, options) =>
    rotate({ ...deps, ...parts }, tenantId, options);
  const erasure = createErasure({
    ...deps,
    rotate: rotateTenant,
    providerOf: parts.providers.named,
  });
  return Object.freeze({
    ...one,
    sealMany: (tx, items) => sealMany(tx, { ...parts, one }, items),
    openMany: (tx, items) => openMany(tx, { ...parts, one }, items),
    files: createFiles(parts),
    mac,
    sealRows: (tx, plan, rows) => sealRows(tx, parts, plan, rows),
    sealFields: async (tx: Tx, plan: EncryptionPlan, row: Row) =>
      (await sealRows(tx, parts, plan, [row]))[0] ?? {},
    openRows: (tx, plan, rows, fields) => openRows(tx, parts, plan, rows, fields),
    indexTerms: (tx, plan, field, indexName, value) => indexTerms(tx, parts, plan, field, indexName, value),
    rangeTerms: (tx, plan, field, indexName, bounds) =>
      rangeTerms(tx, parts, { plan, field, indexName }, bounds),
    shred: (tx, subjectIds, why) =>
      shred(tx, { ...deps, ...parts, subjectHash, shredLedger }, subjectIds, why),
    signingKey: (tx: Tx, name: string) => signingKeys.get(tx, name),
    status: async (tx: Tx) => ({
      provider: await (await parts.providers.forNewEpochs(tx)).describe(),
      ...(await readInventory(tx)),
    }),
    ledger: readLedgerPage,
    rotate: rotateTenant,
    erasure,
    exportKeys: createKeyExport({ ...deps, providers: parts.providers }),
    advise: (tx, request, actor) =>
      advise(
        tx,
        {
          ...deps,
          ...parts,
          openRows: (own, plan, rows, fields) => openRows(own, parts, plan, rows, fields),
        },
        request,
        actor,
      ),
    jobs: createKeyJobs({ ...deps, ...parts }),
    houseSeal: deps.root.seal ?? openSeal,
    providers: createTenantProviders({
      ...deps,
      registry: parts.providers,
      rules: deps.addressRules ?? publicOnly,
      rotate: rotateTenant,
    }),
    warm: parts.warm,
    shredLedger,
    canaries: createCanaries({
      ...deps,
      ...parts,
      tables: deps.tables ?? (async () => []),
      seal: one.seal,
      sealFields: async (tx, plan, row) => (await sealRows(tx, parts, plan, [row]))[0] ?? {},
    }),
    inventory: createKeyInventory({
      clock: deps.clock,
      cryptoperiods: deps.cryptoperiods ?? defaultCryptoperiods,
    }),
    settle: async () => {
      await failures.settled();
      await parts.calls.flush();
    },
    stop: async () => {
      await failures.settled();
      parts.calls.stop();
      await usage.flush();
      await shredLedger.stop();
      await purge.stop();
    },
  } satisfies Crypto);
}

type Parts = ReturnType<typeof createParts>;

function createParts(deps: CryptoDeps) {
  const { database, clock, logger, audit } = deps;
  const limits = { ...defaultCacheLimits, ...deps.cacheLimits };
  const versionAge = deps.indexVersionMilliseconds ?? defaultVersionAge;
  const random = createRandomPool(deps.randomBytes);
  const cache = createKeyCache(clock, limits);
  const holdsKey = (tenantId: TenantId): boolean => tenantKeys.holdsActive(tenantId);
  const calls = createCallRecorder({ audit, clock, logger, holdsKey });
  const providers = createProviders(deps, calls, () => createOneByOne(parts));
  const { maxAgeSeconds } = limits;
  const tenantKeys: TenantKeys = createTenantKeys({ database, providers, random, clock, maxAgeSeconds });
  const keysOf = createTransactionKeys(cache, tenantKeys.usedUntil);
  const usage = createUsage(database, logger);
  const failures = createFailures(deps);
  const purge = createPurge({ database, cache, tenantKeys, logger });
  const dataKeys = createDataKeys({
    tenantKeys,
    keysOf,
    random,
    listen: purge.listen,
    onUncounted: usage.record,
    purgeKeys: purge.keys,
  });
  const indexVersions = createIndexVersions({
    ...{ dataKeys, keysOf },
    maxAgeMilliseconds: versionAge,
  });
  const warm = async (tenantId: TenantId): Promise<void> => {
    await purge.listen();
    if (tenantKeys.holdsActive(tenantId)) return; // most calls: not even a transaction
    await providers.prepare(tenantId);
    await database.withTenant(tenantId, (tx) => tenantKeys.active(tx));
  };
  const sealedTables: SealedTables = deps.tables ?? (async () => []);
  const works = createKeyWorks({
    indexVersions,
    versionAge,
    ...{ database, logger, audit, random, tenantKeys, keysOf, dataKeys, warm },
    onUncounted: usage.record,
    purgeKeys: purge.keys,
    tables: sealedTables,
    openRows: (tx, plan, rows, fields) => openRows(tx, { dataKeys, failures }, plan, rows, fields),
    leaseSeconds: deps.jobLeaseSeconds ?? 15,
  });
  const parts = {
    ...{ providers, calls, limits, random, cache, keysOf },
    ...{ tenantKeys, usage, dataKeys, failures, purge, warm, works, indexVersions, sealedTables },
  };
  return parts;
}

const isRow = (): ValueSuite => rowSuite;
const isPortable = (): ValueSuite => portableSuite;

/** The house's provider and those of tenants, each under a guard of its own. */
function createProviders(
  deps: CryptoDeps,
  calls: CallRecorder,
  sealing: () => Pick<Crypto, 'seal' | 'open'>,
): ProviderRegistry {
  const { database, clock, randomBytes, addressRules } = deps;
  const guard = (provider: RootProvider): RootProvider =>
    createGuardedProvider(provider, {
      clock,
      randomBytes,
      limits: deps.guardLimits ?? {},
      onCall: (report) => {
        deps.onProviderCall?.(report);
        if (deps.recordProviderCalls !== false) calls.report(report);
      },
    });
  const house = guard(deps.root);
  const former = (deps.formerRoots ?? []).map(guard);
  const rules = addressRules ?? publicOnly;
  return createProviderRegistry({
    ...{ database, house, epochs: house, former, sealing, guard, rules, randomBytes },
  });
}

/** One value at a time: the lane of a request. A cached key costs no turn of the event loop. */
function createOneByOne(
  parts: Parts,
): Pick<Crypto, 'seal' | 'sealPortable' | 'open' | 'sealRow' | 'openRow'> {
  const { dataKeys, keysOf, random } = parts;
  const sealOne = async (
    tx: Tx,
    suiteFor: (key: DataKey) => ValueSuite,
    scope: KeyScope,
    context: FieldContext,
    plaintext: Uint8Array,
  ): Promise<Buffer> => {
    const key = keysOf(tx).byScope(scope) ?? (await dataKeys.forScope(tx, scope));
    const suite = suiteFor(key);
    countMessages(key, 1, suite);
    return sealValue(
      key,
      suite,
      { context: encodedContextOf(tx.tenantId, context), rowId: context.rowId },
      plaintext,
      random,
    );
  };
  return {
    seal: (tx, scope, context, plaintext) => sealOne(tx, fieldSuiteOf, scope, context, plaintext),
    sealPortable: (tx, scope, context, plaintext) => sealOne(tx, isPortable, scope, context, plaintext),
    open: (tx, context, ciphertext) => openOne(tx, parts, 'field', context, ciphertext),
    sealRow: (tx, scope, context, values) => sealOne(tx, isRow, scope, context, packRow(values)),
    openRow: async (tx, context, ciphertext): Promise<OpenedRow> => {
      const opened = await openOne(tx, parts, 'row', context, ciphertext);
      if (opened.kind === 'shredded') return opened;
      const values = unpackRow(opened.plaintext);
      if (values === null) throw failed(tx, parts, context, 'packing', null);
      return { kind: 'plaintext', values };
    },
  };
}
