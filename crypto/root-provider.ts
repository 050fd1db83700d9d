import type { TenantId } from '../kernel/index.ts';
import type { HouseSeal } from './providers/house-seal.ts';

/** What one call may be given. */
export type ProviderCall = {
  /** Aborted when nobody waits for the answer any more; a provider hands it to its network client. */
  readonly signal?: AbortSignal;
};

/** Kinds of root providers, as `describe` and stored configurations name them. */
export type ProviderKind = 'sealed-file' | 'pkcs11' | 'aws-kms' | 'vault-transit' | 'hyok';

/** What a provider says of itself. */
export type ProviderDescription = {
  readonly name: string;
  readonly kind: ProviderKind;
  /** True for a provider that production refuses. */
  readonly development: boolean;
  /** Days between asking for the destruction of an epoch and its being done; 0 = at once; null = not possible. */
  readonly destroyDelayDays: number | null;
};

/** Outcome of asking a provider to forget an epoch: done, or laid down for a day in the future. */
export type Destruction = {
  /** Null when it is only scheduled. */
  readonly destroyedAt: Date | null;
  readonly scheduledFor: Date | null;
};

/**
 * Holds the root outside the database. Called once per tenant epoch and cache period, never per row.
 *
 * Raw providers throw `cryptoError`; a failure that may pass by itself (time-out, throttle, network) carries
 * `details.retryable === true`, and then optionally `details.retryAfterMilliseconds`. Everything else is final. The
 * guard (`providers/guarded-provider.ts`) adds time-outs, retries, the circuit breaker and the audit event.
 */
export type RootProvider = {
  /** Stands in `crypto.kek.provider`; unique per house and tenant. */
  readonly name: string;
  /**
   * @param key - 32 bytes
   * @returns 32 to 4,096 bytes that only this provider opens, for this tenant and epoch
   * @throws ERR_CRYPTO_ROOT, ERR_CRYPTO_KEY_REVOKED
   */
  readonly wrap: (tenantId: TenantId, epoch: number, key: Buffer, call?: ProviderCall) => Promise<Buffer>;
  /**
   * @returns the 32 bytes that were wrapped
   * @throws ERR_CRYPTO_ROOT when it cannot open it; ERR_CRYPTO_KEY_REVOKED when its key is disabled, deleted or refused
   */
  readonly unwrap: (
    tenantId: TenantId,
    epoch: number,
    wrapped: Buffer,
    call?: ProviderCall,
  ) => Promise<Buffer>;
  readonly describe: () => Promise<ProviderDescription>;
  /** After this, or after the day it names, the provider never opens the epoch again. Asking twice is harmless. */
  readonly scheduleDestroy: (tenantId: TenantId, epoch: number) => Promise<Destruction>;
  /** A look that changes nothing. Never throws: what is wrong stands in `detail`. */
  readonly health: () => Promise<{ readonly ok: boolean; readonly detail: string }>;
  /** For a provider that people open when the house starts; absent when it needs nobody. */
  readonly seal?: HouseSeal;
};
