import type { Clock, RandomBytes, Secret, TenantId } from '../../kernel/index.ts';
import { keyBytes } from '../derive.ts';
import { cryptoError } from '../errors.ts';
import type { ProviderCall, RootProvider } from '../root-provider.ts';
import { requireWrappableKey } from './check-input.ts';
import { epochBinding } from './epoch-binding.ts';
import { gcmNonceBytes, idBytes, wrappedBytes, wrappedVersion } from './pkcs11-messages.ts';
import { createPkcs11Thread, type Pkcs11Thread } from './pkcs11-thread.ts';

/** A token and how its keys are labelled. */
export type Pkcs11Options = {
  /** Name of the provider in the house, default `pkcs11`. */
  readonly name?: string;
  /** Path of the token maker's library (`.so`, `.dylib`, `.dll`). */
  readonly library: string;
  /** Label of the token. */
  readonly token: string;
  readonly pin: Secret;
  /** Begins the label of every key, so that several houses can share a token. */
  readonly labelPrefix: string;
  readonly randomBytes: RandomBytes;
  readonly clock: Clock;
};

const label = Buffer.from('ctl/pkcs11-1\0', 'latin1');

/**
 * Tenant keys wrapped on a token: AES-256-GCM by C_Encrypt and C_Decrypt under a key per tenant and epoch that is made
 * on the token and never leaves it. Destroying an epoch is C_DestroyObject; a data object remembers when.
 *
 * The library's calls block, so they run in a thread of their own. pkcs11js is loaded there and by nobody else.
 */
export function createPkcs11Provider(options: Pkcs11Options): RootProvider {
  const name = options.name ?? 'pkcs11';
  const thread = createPkcs11Thread(() => ({
    library: options.library,
    token: options.token,
    pin: options.pin.reveal(),
  }));
  const labelOf = (tenantId: TenantId, epoch: number): string => `${options.labelPrefix}${tenantId}-${epoch}`;
  return Object.freeze({
    name,
    wrap: async (tenantId: TenantId, epoch: number, key: Buffer, call?: ProviderCall) => {
      requireWrappableKey(key);
      const work = {
        kind: 'wrap' as const,
        label: labelOf(tenantId, epoch),
        binding: epochBinding(label, tenantId, epoch),
        key,
        nonce: options.randomBytes(gcmNonceBytes),
        newId: options.randomBytes(idBytes),
      };
      return bytesOf(await thread.ask(work, call?.signal), wrappedBytes);
    },
    unwrap: async (tenantId: TenantId, epoch: number, wrapped: Buffer, call?: ProviderCall) => {
      if (wrapped.length !== wrappedBytes || wrapped[0] !== wrappedVersion) throw notOurs();
      const work = {
        kind: 'unwrap' as const,
        label: labelOf(tenantId, epoch),
        binding: epochBinding(label, tenantId, epoch),
        wrapped,
      };
      return bytesOf(await thread.ask(work, call?.signal), keyBytes);
    },
    describe: async () => ({ name, kind: 'pkcs11' as const, development: false, destroyDelayDays: 0 }),
    scheduleDestroy: async (tenantId: TenantId, epoch: number) => {
      const at = options.clock.now().toISOString();
      const when = await thread.ask({ kind: 'destroy', label: labelOf(tenantId, epoch), at });
      return { destroyedAt: new Date(String(when)), scheduledFor: null };
    },
    health: () => health(thread),
  });
}

/** Views what the thread gave; it was copied on the way, so nobody else holds it. */
function bytesOf(value: Uint8Array | string, length: number): Buffer {
  if (typeof value !== 'string' && value.length === length)
    return Buffer.from(value.buffer, value.byteOffset, value.length);
  throw cryptoError(
    'ERR_CRYPTO_ROOT',
    'the token gave bytes of another length than asked for; nothing was used of them',
  );
}

const notOurs = (): Error =>
  cryptoError('ERR_CRYPTO_ROOT', 'the tenant key was not wrapped by a token; is the provider the right one?');

async function health(thread: Pkcs11Thread): Promise<{ ok: boolean; detail: string }> {
  try {
    return { ok: true, detail: String(await thread.ask({ kind: 'health' }, AbortSignal.timeout(5_000))) };
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : 'the token did not answer' };
  }
}
