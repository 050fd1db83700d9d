import type { Database, Tx } from '../../db/index.ts';
import { platformTenantId, type TenantId } from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';
import type { RootProvider } from '../root-provider.ts';
import type { Crypto, FieldContext, KeyScope } from '../types.ts';
import { buildProvider, type BuildDeps } from './build-provider.ts';
import { storedConfiguration, type StoredConfiguration } from './configuration.ts';
import { readActiveProvider, readConfiguration, readProviderNames } from './store.ts';

/** Which root provider holds which epoch. */
export type ProviderRegistry = {
  /** Holds every epoch of the platform, and of every tenant that brought nothing. */
  readonly house: RootProvider;
  /** Whether the house has, or had, a provider of this name. */
  readonly isOfHouse: (name: string) => boolean;
  /** Wraps the next epoch of the tenant. */
  readonly forNewEpochs: (tx: Tx) => Promise<RootProvider>;
  /** The one that a row of `crypto.kek` names. @throws ERR_CRYPTO_ROOT when neither house nor tenant knows it */
  readonly named: (tenantId: TenantId, name: string) => Promise<RootProvider>;
  /** Builds what the tenant brought, before a transaction needs it. */
  readonly prepare: (tenantId: TenantId) => Promise<void>;
  /** A provider of the tenant without the guard, for a trial. Null when there is none of that name. */
  readonly build: (
    tenantId: TenantId,
    name: string,
    deps?: Partial<BuildDeps>,
  ) => Promise<RootProvider | null>;
  /** Seals a configuration so that this registry can read it. */
  readonly seal: (tenantId: TenantId, name: string, configuration: StoredConfiguration) => Promise<Buffer>;
};

/** What the part needs. */
export type RegistryDeps = BuildDeps & {
  readonly database: Database;
  /** Under the guard; the same as `epochs`. */
  readonly house: RootProvider;
  /** Providers that the house used before, under the guard: they go on opening what they wrapped. */
  readonly former: readonly RootProvider[];
  /** A thunk: sealing needs keys, and those need this part. */
  readonly sealing: () => Pick<Crypto, 'seal' | 'open'>;
  readonly guard: (provider: RootProvider) => RootProvider;
};

const purpose = 'provider';
const scope: KeyScope = { kind: 'tenant', purpose };
const maxBuilt = 10_000;

function contextOf(tenantId: TenantId, name: string): FieldContext {
  const rowId = `${tenantId}/${name}`;
  return { service: 'crypto', collection: 'provider', field: 'configuration', rowId, purpose };
}

/** Makes the part. A configuration never changes under its name, so what was built stays true. */
export function createProviderRegistry(deps: RegistryDeps): ProviderRegistry {
  const own = new Map([...deps.former, deps.house].map((provider) => [provider.name, provider]));
  const built = new Map<string, Promise<RootProvider>>();
  const prepared = new Set<TenantId>();
  const named = async (tenantId: TenantId, name: string): Promise<RootProvider> => {
    const houses = own.get(name);
    if (houses !== undefined) return houses;
    const key = `${tenantId}/${name}`;
    if (built.size >= maxBuilt) built.clear();
    const known = built.get(key) ?? buildGuarded(deps, tenantId, name);
    built.set(key, known);
    // What could not be built is tried again by the next who asks.
    return known.catch((error: unknown) => {
      built.delete(key);
      throw error;
    });
  };
  return Object.freeze({
    house: deps.house,
    isOfHouse: (name: string) => own.has(name),
    forNewEpochs: async (tx: Tx) => {
      if (tx.tenantId === platformTenantId) return deps.house;
      const { rows } = await tx.query<{ name: string }>(readActiveProvider, [tx.tenantId]);
      return rows[0] === undefined ? deps.house : named(tx.tenantId, rows[0].name);
    },
    named,
    prepare: async (tenantId: TenantId) => {
      if (tenantId === platformTenantId || prepared.has(tenantId)) return;
      const { rows } = await deps.database.withTenant(
        tenantId,
        (tx) => tx.query<{ name: string }>(readProviderNames, [tenantId]),
        { readOnly: true },
      );
      for (const { name } of rows) await named(tenantId, name);
      if (prepared.size >= maxBuilt) prepared.clear();
      prepared.add(tenantId);
    },
    build: (tenantId: TenantId, name: string, extra: Partial<BuildDeps> = {}) =>
      build({ ...deps, ...extra }, tenantId, name),
    seal: (tenantId: TenantId, name: string, configuration: StoredConfiguration) =>
      deps.database.withTenant(platformTenantId, (tx) =>
        deps.sealing().seal(tx, scope, contextOf(tenantId, name), Buffer.from(JSON.stringify(configuration))),
      ),
  });
}

async function buildGuarded(deps: RegistryDeps, tenantId: TenantId, name: string): Promise<RootProvider> {
  const provider = await build(deps, tenantId, name);
  if (provider !== null) return deps.guard(provider);
  throw cryptoError(
    'ERR_CRYPTO_ROOT',
    `the tenant's key is held by the root provider "${name}", which neither the house nor the tenant has; configure it again`,
  );
}

/** Two transactions, one after the other: the row of the tenant, then its content under the platform's key. */
async function build(deps: RegistryDeps, tenantId: TenantId, name: string): Promise<RootProvider | null> {
  const { rows } = await deps.database.withTenant(
    tenantId,
    (tx) => tx.query<{ configuration: Buffer }>(readConfiguration, [tenantId, name]),
    { readOnly: true },
  );
  const sealed = rows[0]?.configuration;
  if (sealed === undefined) return null;
  const opened = await deps.database.withTenant(platformTenantId, (tx) =>
    deps.sealing().open(tx, contextOf(tenantId, name), sealed),
  );
  if (opened.kind === 'shredded')
    throw cryptoError('ERR_CRYPTO_KEY', `the configuration of the root provider "${name}" was shredded`);
  const configuration = storedConfiguration.parse(JSON.parse(Buffer.from(opened.plaintext).toString('utf8')));
  return buildProvider(name, configuration, deps);
}
