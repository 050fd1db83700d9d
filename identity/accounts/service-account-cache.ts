import type { Clock, Logger, Principal, TenantId } from '../../kernel/index.ts';
import type { Database } from '../../db/index.ts';
import type { ServiceAccountRow } from './store-accounts.ts';

/** A living service account and the principal it is. */
export type LivingAccount = {
  readonly tenantId: TenantId;
  readonly row: ServiceAccountRow;
  readonly principal: Principal;
};

/** Living service accounts in memory, by `tenant.id`. */
export type ServiceAccountCache = {
  /** The account, from memory or by `read`; what is not living is not remembered. */
  readonly get: (key: string, read: () => Promise<LivingAccount | null>) => Promise<LivingAccount | null>;
  readonly drop: (key: string) => void;
};

type Remembered = { readonly account: LivingAccount; readonly readAt: number };

/** How long an account is believed without a look, should a notification be lost. */
const maxAgeMilliseconds = 10_000;
const maxAccounts = 10_000;

/** Forgets an account when the database tells that it changed, everything when the notifications were interrupted. */
export function createServiceAccountCache(deps: {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
}): ServiceAccountCache {
  const { database, clock, logger } = deps;
  const accounts = new Map<string, Remembered>();
  let generation = 0;
  let subscribed: Promise<unknown> | null = null;
  const drop = (key: string): void => {
    generation += 1;
    accounts.delete(key);
  };
  const subscribe = async (): Promise<void> => {
    database.listener.onReconnect(() => {
      generation += 1;
      accounts.clear();
    });
    await database.listener.subscribe('identity_service_account', drop);
  };
  return Object.freeze({
    drop,
    get: async (key: string, read: () => Promise<LivingAccount | null>) => {
      const now = clock.now().getTime();
      const known = accounts.get(key);
      if (known !== undefined && Math.abs(now - known.readAt) < maxAgeMilliseconds) return known.account;
      // Listen before reading: a change between the two must not be missed.
      subscribed ??= subscribe().catch((error: unknown) => {
        subscribed = null;
        logger.warn('changes of service accounts cannot be listened for; each call reads its own', { error });
      });
      await subscribed;
      const before = generation;
      const account = await read();
      if (account === null || subscribed === null || generation !== before) return account;
      if (accounts.size >= maxAccounts) accounts.clear();
      accounts.set(key, { account, readAt: now });
      return account;
    },
  });
}
