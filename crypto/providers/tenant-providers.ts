import type { Database, Tx } from '../../db/index.ts';
import {
  GatehouseError,
  notFound,
  platformTenantId,
  type AddressRules,
  type AuditSink,
  type Clock,
  type Logger,
  type Principal,
  type RandomBytes,
  type TenantId,
} from '../../kernel/index.ts';
import type { Executor } from '../control/dual-control.ts';
import { cryptoError } from '../errors.ts';
import type { Crypto } from '../types.ts';
import { requireKeyServiceUrl } from './address-rules.ts';
import { changeProvider, type ChangeDeps } from './change-provider.ts';
import type { ProviderInput, StoredConfiguration } from './configuration.ts';
import { providerConfigured, providerRemoved, providerTried } from './events.ts';
import { makeTransportKeys, publicHalf } from './hyok-key.ts';
import type { ProviderRegistry } from './provider-registry.ts';
import {
  countProviders,
  insertProvider,
  listProviders,
  lockTenantProviders,
  readConfiguration,
  removeProvider,
} from './store.ts';
import { createTrialEpochs, tryProvider, type Trial } from './try-provider.ts';

/** A provider as people see it; nothing secret. */
export type ShownProvider = {
  readonly name: string;
  readonly kind: string;
  /** Addresses, key ids, our public key. */
  readonly shown: Readonly<Record<string, unknown>>;
  readonly state: 'ready' | 'active';
  /** Epochs that only it opens. */
  readonly epochs: number;
  readonly createdBy: string;
  readonly createdAt: Date;
};

/** Whether a provider answers. */
export type ProviderHealth = { readonly ok: boolean; readonly detail: string };

/** Root providers that tenants bring. */
export type TenantProviders = {
  /** The house's, which holds what no tenant's provider does. */
  readonly house: () => Promise<{
    readonly name: string;
    readonly kind: string;
    readonly development: boolean;
  }>;
  /** Stores it; it is used only after a change that two people want. @throws ERR_CRYPTO_INPUT, ERR_CONFLICT */
  readonly configure: (
    actor: Principal,
    name: string,
    input: ProviderInput,
  ) => Promise<Readonly<Record<string, unknown>>>;
  readonly list: (
    tx: Tx,
    page: { readonly after: string | null; readonly limit: number },
  ) => Promise<readonly ShownProvider[]>;
  /** Whether it answers, without wrapping anything; why not is told of a tenant's own only. @throws ERR_NOT_FOUND */
  readonly health: (tenantId: TenantId, name: string) => Promise<ProviderHealth>;
  /** Wraps and unwraps a key that nobody uses. @throws ERR_NOT_FOUND */
  readonly try: (actor: Principal, name: string) => Promise<Trial>;
  /** @throws ERR_CONFLICT while it is active or epochs need it; ERR_NOT_FOUND */
  readonly remove: (actor: Principal, name: string) => Promise<void>;
  /** Whether a change to it can be proposed. @throws ERR_NOT_FOUND */
  readonly requireKnown: (tx: Tx, name: string) => Promise<void>;
  /** Carries out `crypto.change_provider` with the payload `{ provider }`, once two people want it. */
  readonly change: Executor;
};

/** What the part needs. */
export type TenantProvidersDeps = ChangeDeps & {
  readonly database: Database;
  readonly registry: ProviderRegistry;
  readonly audit: () => AuditSink<Tx>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly randomBytes: RandomBytes;
  readonly rules: AddressRules;
  readonly rotate: Crypto['rotate'];
};

const maxProviders = 20;

/** Makes the part. */
export function createTenantProviders(deps: TenantProvidersDeps): TenantProviders {
  return Object.freeze({
    house: () => deps.registry.house.describe(),
    configure: (actor, name, input) => configure(deps, actor, name, input),
    list: async (tx, { after, limit }) => {
      const { rows } = await tx.query<ProviderRow>(listProviders, [tx.tenantId, after, limit]);
      return rows.map(shownOf);
    },
    health: (tenantId, name) => healthOf(deps, tenantId, name),
    try: (actor, name) => tryOne(deps, actor, name),
    remove: (actor, name) => remove(deps, actor, name),
    requireKnown: (tx, name) => requireKnown(deps, tx, name),
    change: (approved) => changeProvider(deps, approved),
  } satisfies TenantProviders);
}

type ProviderRow = {
  readonly name: string;
  readonly kind: string;
  readonly shown: string;
  readonly state: 'ready' | 'active';
  readonly epochs: number;
  readonly created_by: string;
  readonly created_at: Date;
};

function shownOf({ created_by, created_at, shown, ...row }: ProviderRow): ShownProvider {
  const facts = JSON.parse(shown) as Record<string, unknown>; // written below
  return { ...row, shown: facts, createdBy: created_by, createdAt: created_at };
}

async function configure(
  deps: TenantProvidersDeps,
  actor: Principal,
  name: string,
  input: ProviderInput,
): Promise<Readonly<Record<string, unknown>>> {
  const { tenantId } = actor;
  requireFreeName(deps, tenantId, name);
  const { stored, shown } = await complete(input, deps.rules);
  const sealed = await deps.registry.seal(tenantId, name, stored);
  await deps.database.withTenant(tenantId, async (tx) => {
    await tx.query(lockTenantProviders, [tenantId]);
    const { rows } = await tx.query<{ count: number }>(countProviders, [tenantId]);
    if ((rows[0]?.count ?? 0) >= maxProviders)
      throw conflict(`a tenant has at most ${maxProviders} root providers; remove one first`);
    const row = [tenantId, name, input.kind, sealed, JSON.stringify(shown), actor.id, deps.clock.now()];
    const { rowCount } = await tx.query(insertProvider, row);
    if (rowCount === 0)
      throw conflict(
        `the name "${name}" was used before; a name always means one configuration, take another`,
      );
    await deps.audit().append(tx, {
      ...{ definition: providerConfigured, tenantId, outcome: 'success', actor },
      targets: [{ type: 'crypto.provider', id: name }],
      detail: { provider: name, kind: input.kind },
    });
  });
  return shown;
}

function requireFreeName(deps: TenantProvidersDeps, tenantId: TenantId, name: string): void {
  if (tenantId === platformTenantId)
    throw cryptoError('ERR_CRYPTO_INPUT', 'the platform always uses the root provider of the house');
  if (deps.registry.isOfHouse(name))
    throw cryptoError(
      'ERR_CRYPTO_INPUT',
      `"${name}" is the name of a root provider of the house; take another`,
    );
}

/** Adds what the house makes itself, and takes out what nobody may see. */
async function complete(
  input: ProviderInput,
  rules: AddressRules,
): Promise<{ readonly stored: StoredConfiguration; readonly shown: Readonly<Record<string, unknown>> }> {
  switch (input.kind) {
    case 'hyok': {
      requireKeyServiceUrl(input.url.replaceAll('{kid}', 'kid'), rules);
      const { url, keyId, algorithm, replayProtection } = input;
      const { privateKey } = await makeTransportKeys(algorithm);
      const stored = { ...input, privateKey: textsOf(privateKey) };
      const shown = { url, keyId, algorithm, replayProtection, publicKey: publicHalf(privateKey) };
      return { stored, shown };
    }
    case 'aws-kms':
      return { stored: input, shown: { keyArn: input.keyArn } };
  }
}

async function requireKnown(deps: TenantProvidersDeps, tx: Tx, name: string): Promise<void> {
  if (name === deps.registry.house.name) return;
  const { rowCount } = await tx.query(readConfiguration, [tx.tenantId, name]);
  if (rowCount === 0) throw notFound('root provider', name);
}

async function healthOf(
  deps: TenantProvidersDeps,
  tenantId: TenantId,
  name: string,
): Promise<ProviderHealth> {
  const { registry, database } = deps;
  await database.withTenant(tenantId, (tx) => requireKnown(deps, tx, name), { readOnly: true });
  if (name !== registry.house.name) return (await registry.named(tenantId, name)).health();
  // What is wrong with the house's own may name files and machines of its operator.
  const { ok } = await registry.house.health();
  return { ok, detail: ok ? '' : 'the operator of this house sees why in its readiness' };
}

const textsOf = (key: object): Record<string, string> => key as Record<string, string>; // JWK members that node exports are strings

async function tryOne(deps: TenantProvidersDeps, actor: Principal, name: string): Promise<Trial> {
  const { tenantId } = actor;
  const epochs = createTrialEpochs();
  const provider =
    name === deps.registry.house.name
      ? deps.registry.house
      : await deps.registry.build(tenantId, name, { epochs });
  if (provider === null) throw notFound('root provider', name);
  const trial = await tryProvider(provider, tenantId, deps.randomBytes);
  const failed = trial.steps.find(({ ok }) => !ok);
  await deps.audit().record({
    ...{ definition: providerTried, tenantId, actor, outcome: trial.ok ? 'success' : 'failure' },
    ...(failed === undefined ? {} : { reason: failed.step }),
    targets: [{ type: 'crypto.provider', id: name }],
    detail: { provider: name, ok: trial.ok, failedStep: failed?.step ?? null },
  });
  return trial;
}

async function remove(deps: TenantProvidersDeps, actor: Principal, name: string): Promise<void> {
  const { tenantId } = actor;
  await deps.database.withTenant(tenantId, async (tx) => {
    await tx.query(lockTenantProviders, [tenantId]);
    const known = await tx.query(readConfiguration, [tenantId, name]);
    if (known.rowCount === 0) throw notFound('root provider', name);
    const { rowCount } = await tx.query(removeProvider, [tenantId, name]);
    if (rowCount === 0)
      throw conflict(
        `the root provider "${name}" is active, or epochs of the tenant still need it; change to another and retire its epochs first`,
      );
    await deps.audit().append(tx, {
      ...{ definition: providerRemoved, tenantId, outcome: 'success', actor },
      targets: [{ type: 'crypto.provider', id: name }],
      detail: { provider: name },
    });
  });
}

const conflict = (message: string): Error => new GatehouseError('ERR_CONFLICT', message, { status: 409 });
