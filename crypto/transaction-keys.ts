import type { Tx } from '../db/index.ts';
import type { KeyId } from '../kernel/index.ts';
import type { DataKey } from './data-key.ts';
import { lookupKid, lookupScope, type KeyCache, type Lookup } from './key-cache.ts';

const maxKeysHeld = 50_000;

/**
 * Keys of one transaction. What it made or read is seen by others only after its commit: a key whose row is rolled
 * back must never seal anything of another transaction.
 */
export type TransactionKeys = {
  readonly find: (lookup: Lookup) => DataKey | null;
  readonly add: (key: DataKey) => void;
  /** Keys that this transaction destroyed; the cache must not answer for them. */
  readonly shredded: Set<KeyId>;
  readonly forget: (kids: readonly KeyId[]) => void;
};

/** Gives every transaction its own {@link TransactionKeys}. */
export function createTransactionKeys(cache: KeyCache): (tx: Tx) => TransactionKeys {
  const open = new WeakMap<Tx, TransactionKeys>();
  return (tx) => {
    const known = open.get(tx);
    if (known !== undefined) return known;
    const created = createOne(tx, cache);
    open.set(tx, created);
    return created;
  };
}

function createOne(tx: Tx, cache: KeyCache): TransactionKeys {
  const byKid = new Map<Lookup, DataKey>();
  const byScope = new Map<Lookup, DataKey>();
  const shredded = new Set<KeyId>();
  const ticket = cache.ticket();
  const remove = (key: DataKey): void => {
    byKid.delete(lookupKid(key.kid));
    byScope.delete(lookupScope(key.scope));
  };
  tx.onCommit(() => {
    for (const key of byKid.values()) cache.put(key, ticket);
  });
  return Object.freeze({
    shredded,
    find: (lookup: Lookup) => {
      const own = byKid.get(lookup) ?? byScope.get(lookup);
      if (own !== undefined) return own;
      const cached = cache.find(tx.tenantId, lookup);
      return cached !== null && shredded.has(cached.kid) ? null : cached;
    },
    add: (key: DataKey) => {
      if (byKid.size >= maxKeysHeld)
        for (const oldest of byKid.values().take(1_000).toArray()) remove(oldest);
      byKid.set(lookupKid(key.kid), key);
      byScope.set(lookupScope(key.scope), key);
    },
    forget: (kids: readonly KeyId[]) => {
      for (const kid of kids) {
        shredded.add(kid);
        const key = byKid.get(lookupKid(kid));
        if (key !== undefined) remove(key);
      }
    },
  });
}
