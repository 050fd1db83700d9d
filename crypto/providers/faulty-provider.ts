import { setTimeout as wait } from 'node:timers/promises';
import type { TenantId } from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';
import type { ProviderCall, RootProvider } from '../root-provider.ts';

/**
 * What can be wrong with the other side: no answer; "too many calls"; another key or bytes than asked for; the key
 * deleted; the key switched off; an answer that takes 300 ms.
 */
export type ProviderFault = 'timeout' | 'throttle' | 'wrong_answer' | 'gone' | 'disabled' | 'slow';

/** A provider with a switch for faults; for tests of what stands before and behind providers. */
export type FaultyProvider = {
  readonly provider: RootProvider;
  readonly begin: (fault: ProviderFault) => void;
  readonly end: () => void;
};

const slowMilliseconds = 300;

/** Puts faults in front of a provider that cannot have them by itself. */
export function createFaultyProvider(inner: RootProvider): FaultyProvider {
  let fault: ProviderFault | null = null;
  const before = async (signal: AbortSignal | undefined): Promise<void> => {
    if (fault === 'timeout') await never(signal);
    if (fault === 'slow') await wait(slowMilliseconds);
    if (fault === 'throttle')
      throw cryptoError('ERR_CRYPTO_ROOT', 'the provider is asked too often', {
        details: { retryable: true },
      });
    if (fault === 'gone' || fault === 'disabled')
      throw cryptoError('ERR_CRYPTO_KEY_REVOKED', `the key is ${fault} at its provider`);
  };
  return Object.freeze({
    provider: Object.freeze({
      ...inner,
      wrap: async (tenantId: TenantId, epoch: number, key: Buffer, call?: ProviderCall) => {
        await before(call?.signal);
        return fault === 'wrong_answer' ? Buffer.alloc(3) : inner.wrap(tenantId, epoch, key, call);
      },
      unwrap: async (tenantId: TenantId, epoch: number, wrapped: Buffer, call?: ProviderCall) => {
        await before(call?.signal);
        return fault === 'wrong_answer' ? Buffer.alloc(31, 7) : inner.unwrap(tenantId, epoch, wrapped, call);
      },
    }),
    begin: (next: ProviderFault) => {
      fault = next;
    },
    end: () => {
      fault = null;
    },
  });
}

/** Ends only when the caller gives up. */
function never(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
