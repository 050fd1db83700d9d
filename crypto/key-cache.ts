import type { Clock, KeyId, TenantId } from '../kernel/index.ts';
import type { DataKey } from './data-key.ts';
import type { KeyScope } from './types.ts';

/** Bounds of the data-key cache. */
export type CacheLimits = {
  readonly maxAgeSeconds: number;
  readonly maxMessages: number;
  readonly maxKeys: number;
};

/** Five minutes, a million messages, 20,000 keys. */
export const defaultCacheLimits: CacheLimits = Object.freeze({
  maxAgeSeconds: 300,
  maxMessages: 2 ** 20,
  maxKeys: 20_000,
});

/** How a key is asked for: by its id or by whose it is. */
export type Lookup = `k:${string}` | `s:${string}` | `t:${string}`;

/** By id. */
export const lookupKid = (kid: KeyId): Lookup => `k:${kid}`;
/** By owner. */
export const lookupScope = (scope: KeyScope): Lookup =>
  scope.kind === 'subject' ? `s:${scope.subjectId}` : `t:${scope.purpose}`;

/** Data keys of this process. Empty and closed until purges can be heard. */
export type KeyCache = {
  readonly find: (tenantId: TenantId, lookup: Lookup) => DataKey | null;
  /** Take it before reading keys; what was read is not kept when a purge came in between. */
  readonly ticket: () => number;
  readonly put: (key: DataKey, ticket: number) => void;
  readonly drop: (tenantId: TenantId, kids: readonly KeyId[]) => void;
  readonly dropTenant: (tenantId: TenantId) => void;
  readonly dropAll: () => void;
  /** From now on keys are kept. */
  readonly enable: () => void;
  readonly size: () => number;
};

type Entry = { readonly key: DataKey; readonly expiresAt: number; recentlyUsed: boolean };

/** LRU by second chance: a hit costs a flag, not a move. */
export function createKeyCache(clock: Clock, limits: CacheLimits): KeyCache {
  const byKid = new Map<string, Entry>();
  const byScope = new Map<string, Entry>();
  let version = 0;
  let enabled = false;
  const remove = (entry: Entry): void => {
    const { tenantId, kid, scope } = entry.key;
    byKid.delete(tenantId + lookupKid(kid));
    const scopeName = tenantId + lookupScope(scope);
    if (byScope.get(scopeName) === entry) byScope.delete(scopeName);
  };
  const evictOne = (): void => {
    for (const [name, entry] of byKid) {
      if (!entry.recentlyUsed) return remove(entry);
      entry.recentlyUsed = false;
      byKid.delete(name);
      byKid.set(name, entry);
    }
  };
  const dropWhere = (condition: (entry: Entry) => boolean): void => {
    version += 1;
    for (const entry of [...byKid.values()]) if (condition(entry)) remove(entry);
  };
  return Object.freeze({
    find: (tenantId: TenantId, lookup: Lookup) => {
      const entry = (lookup.startsWith('k') ? byKid : byScope).get(tenantId + lookup);
      if (entry === undefined) return null;
      if (entry.expiresAt <= clock.now().getTime() || entry.key.sealed() >= limits.maxMessages) {
        remove(entry);
        return null;
      }
      entry.recentlyUsed = true;
      return entry.key;
    },
    ticket: () => version,
    put: (key: DataKey, ticket: number) => {
      if (!enabled || ticket !== version) return;
      const name = key.tenantId + lookupKid(key.kid);
      if (byKid.has(name)) return;
      while (byKid.size >= limits.maxKeys) evictOne();
      const entry = {
        key,
        expiresAt: clock.now().getTime() + limits.maxAgeSeconds * 1_000,
        recentlyUsed: false,
      };
      byKid.set(name, entry);
      byScope.set(key.tenantId + lookupScope(key.scope), entry);
    },
    drop: (tenantId: TenantId, kids: readonly KeyId[]) => {
      version += 1;
      for (const kid of kids) {
        const entry = byKid.get(tenantId + lookupKid(kid));
        if (entry !== undefined) remove(entry);
      }
    },
    dropTenant: (tenantId: TenantId) => dropWhere((entry) => entry.key.tenantId === tenantId),
    dropAll: () => dropWhere(() => true),
    enable: () => {
      version += 1;
      enabled = true;
    },
    size: () => byKid.size,
  });
}
