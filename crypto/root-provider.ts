import type { TenantId } from '../kernel/index.ts';

/** Holds the root outside the database. Called once per tenant epoch and cache period, never per row. */
export type RootProvider = {
  readonly name: string;
  /** @param key - 32 bytes @returns at most 4,096 bytes that only this provider opens, for this tenant and epoch */
  readonly wrap: (tenantId: TenantId, epoch: number, key: Buffer) => Promise<Buffer>;
  /** @throws ERR_CRYPTO_ROOT when it cannot or may not open it */
  readonly unwrap: (tenantId: TenantId, epoch: number, wrapped: Buffer) => Promise<Buffer>;
  readonly describe: () => Promise<{
    readonly name: string;
    readonly kind: string;
    readonly development: boolean;
  }>;
  /** After this the provider never opens the epoch again. */
  readonly scheduleDestroy: (tenantId: TenantId, epoch: number) => Promise<void>;
  readonly health: () => Promise<{ readonly ok: boolean; readonly detail: string }>;
};
