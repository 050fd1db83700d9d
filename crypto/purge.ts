import type { Database, Tx } from '../db/index.ts';
import { parseKeyId, parseTenantId, type KeyId, type Logger, type TenantId } from '../kernel/index.ts';
import type { KeyCache } from './key-cache.ts';
import { notifyPurge, purgeChannel } from './store.ts';
import type { TenantKeys } from './tenant-keys.ts';

/** Keeps the caches of all processes true. */
export type Purge = {
  /** Starts listening, once; keys are cached only after it succeeded. */
  readonly listen: () => Promise<void>;
  /** With the caller's commit every process drops these keys. */
  readonly keys: (tx: Tx, kids: readonly KeyId[]) => Promise<void>;
  /** With the caller's commit every process drops all keys of the tenant. */
  readonly tenant: (tx: Tx) => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** A NOTIFY payload holds 8,000 bytes. */
const kidsPerNotification = 400;

/** Makes the part. */
export function createPurge(deps: {
  readonly database: Database;
  readonly cache: KeyCache;
  readonly tenantKeys: TenantKeys;
  readonly logger: Logger;
}): Purge {
  const { database, cache, tenantKeys, logger } = deps;
  const dropTenant = (tenantId: TenantId): void => {
    cache.dropTenant(tenantId);
    tenantKeys.drop(tenantId);
  };
  const dropAll = (): void => {
    cache.dropAll();
    tenantKeys.dropAll();
  };
  const receive = (payload: string): void => {
    const message = parsePayload(payload);
    if (message === null) dropAll();
    else if (message.kids === null) dropTenant(message.tenantId);
    else cache.drop(message.tenantId, message.kids);
  };
  const start = async (): Promise<() => void> => {
    database.listener.onReconnect(dropAll);
    const end = await database.listener.subscribe(purgeChannel, receive);
    tenantKeys.enable();
    cache.enable();
    return end;
  };
  let listening: Promise<() => void> | null = null;
  return Object.freeze({
    listen: async () => {
      listening ??= start();
      try {
        await listening;
      } catch (error) {
        listening = null;
        logger.warn('purges of the key cache cannot be heard; keys are not cached until they can', { error });
      }
    },
    keys: async (tx: Tx, kids: readonly KeyId[]) => {
      cache.drop(tx.tenantId, kids);
      tx.onCommit(() => cache.drop(tx.tenantId, kids));
      for (let at = 0; at < kids.length; at += kidsPerNotification) {
        await tx.query(notifyPurge, [`${tx.tenantId} ${kids.slice(at, at + kidsPerNotification).join(',')}`]);
      }
    },
    tenant: async (tx: Tx) => {
      tx.onCommit(() => dropTenant(tx.tenantId));
      await tx.query(notifyPurge, [tx.tenantId]);
    },
    stop: async () => {
      const end = await listening?.catch(() => null);
      end?.();
      dropAll();
    },
  });
}

function parsePayload(
  payload: string,
): { readonly tenantId: TenantId; readonly kids: readonly KeyId[] | null } | null {
  const [tenant = '', kids] = payload.split(' ');
  try {
    return {
      tenantId: parseTenantId(tenant),
      kids: kids === undefined ? null : kids.split(',').map(parseKeyId),
    };
  } catch {
    return null; // anybody in the database may notify; what cannot be understood empties the cache
  }
}
