import type { Database, Tx } from '../db/index.ts';
import type { TenantId } from '../kernel/index.ts';
import type { DataMap } from './types.ts';

/** Maps by tenant, kept until a NOTIFY says that one changed. */
export type MapCache = {
  readonly find: (tenantId: TenantId) => DataMap | undefined;
  /** The cached map, or what `read` gives. */
  readonly load: (tx: Tx, read: (tx: Tx) => Promise<DataMap>) => Promise<DataMap>;
  readonly forget: (tenantId: TenantId) => void;
};

const maxCachedTenants = 1_000;

/** Listens from the first load on. */
export function createMapCache(database: Database): MapCache {
  const cache = new Map<TenantId, DataMap>();
  let generation = 0;
  let listening: Promise<unknown> | null = null;
  const forget = (tenantId: string | null): void => {
    generation += 1;
    if (tenantId === null) cache.clear();
    else cache.delete(tenantId as TenantId); // a key of ours or none
  };
  const listen = async (): Promise<void> => {
    listening ??= database.listener
      .subscribe('datamap_changed', forget)
      .then(() => database.listener.onReconnect(() => forget(null)))
      .catch((error: unknown) => {
        listening = null;
        throw error;
      });
    await listening;
  };
  return Object.freeze({
    find: (tenantId: TenantId) => cache.get(tenantId),
    load: async (tx: Tx, read: (tx: Tx) => Promise<DataMap>) => {
      const known = cache.get(tx.tenantId);
      if (known !== undefined) return known;
      await listen();
      const before = generation;
      const map = await read(tx);
      // What was read before a change was announced must not outlive the announcement.
      if (before === generation) {
        if (cache.size >= maxCachedTenants) cache.clear();
        cache.set(tx.tenantId, map);
      }
      return map;
    },
    forget,
  });
}
