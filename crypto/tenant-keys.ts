import { createSecretKey } from 'node:crypto';
import type { Database, Tx } from '../db/index.ts';
import type { Clock, TenantId } from '../kernel/index.ts';
import { toAeadKey, type AeadKey } from './aead.ts';
import { equalInConstantTime, keyBytes, tenantKeyCommitment } from './derive.ts';
import { cryptoError } from './errors.ts';
import type { RandomPool } from './nonce-pool.ts';
import type { RootProvider } from './root-provider.ts';
import type { ProviderRegistry } from './providers/provider-registry.ts';
import { insertTenantKey, readActiveTenantKey, readTenantKey } from './store.ts';
import type { TenantKey } from './wrap.ts';

/** Key-encryption keys of tenants, asked of the root once per epoch and cache period. */
export type TenantKeys = {
  /** The epoch that wraps new keys; made on first use. */
  readonly active: (tx: Tx) => Promise<TenantKey>;
  readonly byEpoch: (tx: Tx, epoch: number) => Promise<TenantKey>;
  /** Whether `active` needs neither the database nor the root. */
  readonly holdsActive: (tenantId: TenantId) => boolean;
  /** A fresh key, wrapped by the provider of the tenant's new epochs; not yet stored. Opens a short transaction. */
  readonly generate: (tenantId: TenantId, epoch: number) => Promise<NewTenantKey>;
  /** When the first of the keys that this transaction used must be asked for again; milliseconds since 1970. */
  readonly usedUntil: (tx: Tx) => number;
  readonly drop: (tenantId: TenantId) => void;
  readonly dropAll: () => void;
  readonly enable: () => void;
};

/** A tenant key and how its row holds it. */
export type NewTenantKey = TenantKey & {
  readonly provider: string;
  readonly wrapped: Buffer;
  readonly commitment: Buffer;
};

/** What the part needs. */
export type TenantKeysDeps = {
  readonly database: Database;
  readonly providers: ProviderRegistry;
  readonly random: RandomPool;
  readonly clock: Clock;
  readonly maxAgeSeconds: number;
};

type TenantKeyRow = {
  readonly epoch: number;
  readonly provider: string;
  readonly wrapped: Buffer;
  readonly commitment: Buffer;
};
type Held = { readonly key: TenantKey; readonly expiresAt: number };
type HeldKeys = {
  readonly find: (tx: Tx, name: string) => TenantKey | null;
  readonly keepOnCommit: (
    tx: Tx,
    names: readonly string[],
    key: TenantKey & { readonly askedAt?: number },
  ) => void;
  readonly usedUntil: (tx: Tx) => number;
};

const activeName = (tenantId: TenantId): string => `${tenantId}/active`;
const epochName = (tenantId: TenantId, epoch: number): string => `${tenantId}/${epoch}`;
const maxHeld = 10_000;

/** Makes the part. */
export function createTenantKeys(deps: TenantKeysDeps): TenantKeys {
  const held = new Map<string, Held>();
  let version = 0;
  let enabled = false;
  const keys = createHeldKeys(deps, held, () => (enabled ? version : null));
  const asked = new Map<string, Asked>();
  const unwrap = createUnwrapper(deps, asked, () => enabled);
  const forget = (condition: (name: string) => boolean): void => {
    version += 1;
    for (const name of [...held.keys()]) if (condition(name)) held.delete(name);
    for (const name of [...asked.keys()]) if (condition(name)) asked.delete(name);
  };
  return Object.freeze({
    active: async (tx: Tx) => {
      const known = keys.find(tx, activeName(tx.tenantId));
      if (known !== null) return known;
      const key = await readOrCreate(tx, deps, unwrap);
      keys.keepOnCommit(tx, [activeName(tx.tenantId), epochName(tx.tenantId, key.epoch)], key);
      return key;
    },
    byEpoch: async (tx: Tx, epoch: number) => {
      const name = epochName(tx.tenantId, epoch);
      const known = keys.find(tx, name);
      if (known !== null) return known;
      const { rows } = await tx.query<TenantKeyRow>(readTenantKey, [tx.tenantId, epoch]);
      const row = rows[0];
      if (row === undefined) throw cryptoError('ERR_CRYPTO_KEY', `the tenant has no key of epoch ${epoch}`);
      const key = await unwrap(tx.tenantId, row);
      keys.keepOnCommit(tx, [name], key);
      return key;
    },
    holdsActive: (tenantId: TenantId) =>
      (held.get(activeName(tenantId))?.expiresAt ?? 0) > deps.clock.now().getTime(),
    generate: async (tenantId: TenantId, epoch: number) => {
      await deps.providers.prepare(tenantId);
      const provider = await deps.database.withTenant(tenantId, deps.providers.forNewEpochs);
      return generate(deps, provider, tenantId, epoch);
    },
    usedUntil: keys.usedUntil,
    drop: (tenantId: TenantId) => forget((name) => name.startsWith(`${tenantId}/`)),
    dropAll: () => forget(() => true),
    enable: () => {
      enabled = true;
    },
  });
}

/** Keys enter the process-wide map only after the commit of the transaction that read or made them. */
function createHeldKeys(
  deps: TenantKeysDeps,
  held: Map<string, Held>,
  currentVersion: () => number | null,
): HeldKeys {
  const ofTransaction = new WeakMap<Tx, Map<string, TenantKey>>();
  const ends = new WeakMap<Tx, number>();
  const use = (tx: Tx, until: number): void => void ends.set(tx, Math.min(until, ends.get(tx) ?? until));
  return {
    usedUntil: (tx) => ends.get(tx) ?? Number.POSITIVE_INFINITY,
    find: (tx, name) => {
      const own = ofTransaction.get(tx)?.get(name);
      if (own !== undefined) return own;
      const entry = held.get(name);
      if (entry === undefined) return null;
      if (entry.expiresAt > deps.clock.now().getTime()) {
        use(tx, entry.expiresAt);
        return entry.key;
      }
      held.delete(name);
      return null;
    },
    keepOnCommit: (tx, names, key) => {
      const own = ofTransaction.get(tx) ?? new Map<string, TenantKey>();
      ofTransaction.set(tx, own);
      for (const name of names) own.set(name, key);
      const version = currentVersion();
      const expiresAt = (key.askedAt ?? deps.clock.now().getTime()) + deps.maxAgeSeconds * 1_000;
      use(tx, expiresAt);
      tx.onCommit(() => {
        if (version === null || version !== currentVersion()) return;
        if (held.size >= maxHeld) held.clear();
        for (const name of names) held.set(name, { key, expiresAt });
      });
    },
  };
}

async function generate(
  deps: TenantKeysDeps,
  provider: RootProvider,
  tenantId: TenantId,
  epoch: number,
): Promise<NewTenantKey> {
  const bytes = Buffer.allocUnsafeSlow(keyBytes);
  deps.random.fill(bytes, 0, keyBytes);
  const key = toAeadKey(createSecretKey(bytes));
  const wrapped = await provider.wrap(tenantId, epoch, bytes).finally(() => bytes.fill(0));
  return { epoch, key, provider: provider.name, wrapped, commitment: tenantKeyCommitment(key) };
}

/** @returns the key, and when the provider was asked for it */
type Unwrap = (tenantId: TenantId, row: TenantKeyRow) => Promise<AskedKey>;
type AskedKey = TenantKey & { readonly askedAt: number };
type Asked = { readonly call: Promise<AeadKey>; readonly at: number };

/**
 * One call to the provider for a row and cache period, however many transactions ask, and however long the first of them
 * takes to commit. Only who reads the row gets what it opened to, so a row that was rolled back gives its key to nobody.
 */
function createUnwrapper(deps: TenantKeysDeps, asked: Map<string, Asked>, isEnabled: () => boolean): Unwrap {
  return async (tenantId, row) => {
    const name = `${epochName(tenantId, row.epoch)}/${row.commitment.toString('hex')}`;
    const now = deps.clock.now().getTime();
    const known = asked.get(name);
    const isFresh = known !== undefined && now - known.at < deps.maxAgeSeconds * 1_000;
    const current = isFresh ? known : { call: unwrapOne(deps.providers, tenantId, row), at: now };
    if (current !== known) {
      if (asked.size >= maxHeld) asked.clear();
      asked.set(name, current);
      const end = (): void => void (asked.get(name) === current && asked.delete(name));
      current.call.then(() => isEnabled() || end(), end);
    }
    return { epoch: row.epoch, key: await current.call, askedAt: current.at };
  };
}

async function unwrapOne(
  providers: ProviderRegistry,
  tenantId: TenantId,
  row: TenantKeyRow,
): Promise<AeadKey> {
  const root = await providers.named(tenantId, row.provider);
  const bytes = await root.unwrap(tenantId, row.epoch, row.wrapped);
  const key = bytes.length === keyBytes ? toAeadKey(createSecretKey(bytes)) : null;
  bytes.fill(0);
  if (key === null || !equalInConstantTime(tenantKeyCommitment(key), row.commitment)) {
    throw cryptoError(
      'ERR_CRYPTO_ROOT',
      'the root provider gave another key than the one committed to; nothing was decrypted',
    );
  }
  return key;
}

/** Safe under concurrency: one insert wins, the others wait for its commit and read it. */
async function readOrCreate(tx: Tx, deps: TenantKeysDeps, unwrap: Unwrap): Promise<TenantKey> {
  const read = async (): Promise<TenantKeyRow | undefined> =>
    (await tx.query<TenantKeyRow>(readActiveTenantKey, [tx.tenantId])).rows[0];
  const before = await read();
  if (before !== undefined) return unwrap(tx.tenantId, before);
  const fresh = await generate(deps, await deps.providers.forNewEpochs(tx), tx.tenantId, 1);
  const { rowCount } = await tx.query(insertTenantKey, [
    tx.tenantId,
    1,
    fresh.provider,
    fresh.wrapped,
    fresh.commitment,
  ]);
  if (rowCount === 1) return fresh;
  const after = await read();
  if (after === undefined)
    throw cryptoError(
      'ERR_CRYPTO_KEY',
      'the tenant has keys but no active one; run "gatehouse crypto rotate"',
    );
  return unwrap(tx.tenantId, after);
}
