import type { Clock, KeyId, TenantId } from '../kernel/index.ts';
import type { DataKey } from './data-key.ts';
import { createKeyMaps, type KeyMaps } from './key-maps.ts';
import type { KeyScope } from './types.ts';

/** Bounds of the data-key cache. */
export type CacheLimits = {
  readonly maxAgeSeconds: number;
  readonly maxMessages: number;
  /** Plaintext bytes that one key seals before it is read anew. */
  readonly maxBytes: number;
  readonly maxKeys: number;
};

/** Five minutes, a million messages, 16 GiB, 20,000 keys. */
export const defaultCacheLimits: CacheLimits = Object.freeze({
  maxAgeSeconds: 300,
  maxMessages: 2 ** 20,
  maxBytes: 2 ** 34,
  maxKeys: 20_000,
});

/** Data keys of this process. Empty and closed until purges can be heard. */
export type KeyCache = {
  readonly byKid: (tenantId: TenantId, kid: KeyId) => DataKey | null;
  readonly byScope: (tenantId: TenantId, scope: KeyScope) => DataKey | null;
  /** Take it before reading keys; what was read is not kept when a purge came in between. */
  readonly ticket: () => number;
  /** @param until - kept no longer than this; milliseconds since 1970 */
  readonly put: (key: DataKey, ticket: number, until: number) => void;
  readonly drop: (tenantId: TenantId, kids: readonly KeyId[]) => void;
  readonly dropTenant: (tenantId: TenantId) => void;
  readonly dropAll: () => void;
  /** From now on keys are kept. */
  readonly enable: () => void;
  readonly size: () => number;
};

type Entry = { readonly expiresAt: number; recentlyUsed: boolean };

const isSpent = (key: DataKey, limits: CacheLimits): boolean =>
  key.sealed >= limits.maxMessages || key.sealedBytes >= limits.maxBytes;

/** LRU by second chance: a hit costs a flag, not a move. */
export function createKeyCache(clock: Clock, limits: CacheLimits): KeyCache {
  const entries = new Map<DataKey, Entry>();
  const tenants = new Map<TenantId, KeyMaps>();
  let version = 0;
  let enabled = false;
  const remove = (key: DataKey): void => {
    entries.delete(key);
    const maps = tenants.get(key.tenantId);
    maps?.remove(key);
    if (maps?.size() === 0) tenants.delete(key.tenantId);
  };
  const use = (key: DataKey | null): DataKey | null => {
    const entry = key === null ? undefined : entries.get(key);
    if (key === null || entry === undefined) return null;
    if (entry.expiresAt <= clock.now().getTime() || isSpent(key, limits)) {
      remove(key);
      return null;
    }
    entry.recentlyUsed = true;
    return key;
  };
  const evictOne = (): void => {
    for (const [key, entry] of entries) {
      if (!entry.recentlyUsed) return remove(key);
      entry.recentlyUsed = false;
      entries.delete(key);
      entries.set(key, entry);
    }
  };
  const dropWhere = (condition: (key: DataKey) => boolean): void => {
    version += 1;
    for (const key of [...entries.keys()]) if (condition(key)) remove(key);
  };
  return Object.freeze({
    byKid: (tenantId: TenantId, kid: KeyId) => use(tenants.get(tenantId)?.byKid(kid) ?? null),
    byScope: (tenantId: TenantId, scope: KeyScope) => use(tenants.get(tenantId)?.byScope(scope) ?? null),
    ticket: () => version,
    put: (key: DataKey, ticket: number, until: number) => {
      if (!enabled || ticket !== version || entries.has(key)) return;
      const maps = tenants.get(key.tenantId) ?? createKeyMaps();
      const replaced = maps.byKid(key.kid);
      if (replaced !== null) entries.delete(replaced);
      while (entries.size >= limits.maxKeys) evictOne();
      entries.set(key, {
        expiresAt: Math.min(until, clock.now().getTime() + limits.maxAgeSeconds * 1_000),
        recentlyUsed: false,
      });
      maps.add(key);
      tenants.set(key.tenantId, maps);
    },
    drop: (tenantId: TenantId, kids: readonly KeyId[]) => {
      version += 1;
      for (const kid of kids) {
        const key = tenants.get(tenantId)?.byKid(kid) ?? null;
        if (key !== null) remove(key);
      }
    },
    dropTenant: (tenantId: TenantId) => dropWhere((key) => key.tenantId === tenantId),
    dropAll: () => dropWhere(() => true),
    enable: () => {
      version += 1;
      enabled = true;
    },
    size: () => entries.size,
  });
}
