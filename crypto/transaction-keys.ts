import type { Tx } from '../db/index.ts';
import type { KeyId } from '../kernel/index.ts';
import type { DataKey } from './data-key.ts';
import type { KeyCache } from './key-cache.ts';
import { createKeyMaps } from './key-maps.ts';
import type { KeyScope } from './types.ts';

const maxKeysHeld = 50_000;

/**
 * Keys of one transaction. What it made or read is seen by others only after its commit: a key whose row is rolled
 * back must never seal anything of another transaction.
 */
export type TransactionKeys = {
  readonly byKid: (kid: KeyId) => DataKey | null;
  readonly byScope: (scope: KeyScope) => DataKey | null;
  readonly add: (key: DataKey) => void;
  /** Keys that this transaction destroyed: from now on it neither holds them nor takes them from the cache. */
  readonly forget: (kids: readonly KeyId[]) => void;
};

/**
 * Gives every transaction its own {@link TransactionKeys}.
 *
 * @param usedUntil - when the tenant keys that a transaction used end: what they opened is not kept longer, so that a
 * provider that is taken away takes everything away within one cache period
 */
export function createTransactionKeys(
  cache: KeyCache,
  usedUntil: (tx: Tx) => number,
): (tx: Tx) => TransactionKeys {
  const open = new WeakMap<Tx, TransactionKeys>();
  return (tx) => {
    const known = open.get(tx);
    if (known !== undefined) return known;
    const created = createOne(tx, cache, usedUntil);
    open.set(tx, created);
    return created;
  };
}

function createOne(tx: Tx, cache: KeyCache, usedUntil: (tx: Tx) => number): TransactionKeys {
  const { tenantId } = tx;
  const own = createKeyMaps();
  const shredded = new Set<KeyId>();
  const ticket = cache.ticket();
  tx.onCommit(() => {
    for (const key of own.all()) cache.put(key, ticket, usedUntil(tx));
  });
  const unlessShredded = (key: DataKey | null): DataKey | null =>
    key !== null && shredded.has(key.kid) ? null : key;
  return Object.freeze({
    byKid: (kid: KeyId) => own.byKid(kid) ?? unlessShredded(cache.byKid(tenantId, kid)),
    byScope: (scope: KeyScope) => own.byScope(scope) ?? unlessShredded(cache.byScope(tenantId, scope)),
    add: (key: DataKey) => {
      if (own.size() >= maxKeysHeld) for (const oldest of own.all().take(1_000).toArray()) own.remove(oldest);
      own.add(key);
    },
    forget: (kids: readonly KeyId[]) => {
      for (const kid of kids) {
        shredded.add(kid);
        const key = own.byKid(kid);
        if (key !== null) own.remove(key);
      }
    },
  });
}
