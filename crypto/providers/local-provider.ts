import { createSecretKey, type KeyObject } from 'node:crypto';
import { systemClock, type Clock, type RandomBytes, type Secret, type TenantId } from '../../kernel/index.ts';
import { aeadOpen, aeadSeal, nonceBytes, tagBytes, toAeadKey, type AeadKey } from '../aead.ts';
import { uuidBytes } from '../associated-data.ts';
import { expand, keyBytes } from '../derive.ts';
import { cryptoError } from '../errors.ts';
import { requireWrappableKey } from './check-input.ts';
import { openRootFile } from './root-file.ts';
import type { RootProvider } from '../root-provider.ts';
import { defaultCostLog2 } from './sealed-file.ts';

/** Where the root is and what opens it. */
export type LocalProviderOptions = {
  /** Made with mode 0600 when missing. */
  readonly file: string;
  readonly passphrase: Secret;
  readonly randomBytes: RandomBytes;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** log2 of scrypt's cost for a new file, 14..20; default 17. */
  readonly costLog2?: number;
  /** False says that an operator chose this provider and keeps the passphrase elsewhere; default true. */
  readonly development?: boolean;
};

const firstLabel = Buffer.from('ctl/root1\0', 'latin1');
const firstRootLabel = Buffer.from('ctl/root1/wrap\0', 'latin1');
const label = Buffer.from('ctl/root2\0', 'latin1');
const wrappedKeyBytes = nonceBytes + keyBytes + tagBytes;

function bindingOf(prefix: Buffer, tenantId: TenantId, epoch: number): Buffer {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(epoch);
  return Buffer.concat([prefix, uuidBytes(tenantId), number]);
}

/** Files of the first format derived every epoch's key from one root. */
function firstFormatKey(root: KeyObject, tenantId: TenantId, epoch: number): AeadKey {
  return toAeadKey(createSecretKey(expand(root, firstRootLabel, bindingOf(firstLabel, tenantId, epoch))));
}

/**
 * Keys in a file sealed by a passphrase: a random one for every tenant and epoch, so that taking it out of the file
 * takes away everything that was wrapped under it.
 *
 * @throws ERR_CRYPTO_UNSEAL when the passphrase is wrong or the file is damaged or open to others
 */
export async function createLocalProvider(options: LocalProviderOptions): Promise<RootProvider> {
  const { randomBytes, clock = systemClock } = options;
  const file = await openRootFile({ ...options, costLog2: options.costLog2 ?? defaultCostLog2 });
  const unwrap = async (tenantId: TenantId, epoch: number, wrapped: Buffer): Promise<Buffer> => {
    const own = await file.find(tenantId, epoch);
    const first = file.firstRoot();
    const key = own ?? (first === null ? null : firstFormatKey(first, tenantId, epoch));
    const binding = bindingOf(own === null ? firstLabel : label, tenantId, epoch);
    const opened =
      key === null || wrapped.length !== wrappedKeyBytes
        ? null
        : aeadOpen(key, wrapped.subarray(0, nonceBytes), binding, wrapped.subarray(nonceBytes));
    if (opened !== null) return opened;
    throw cryptoError(
      'ERR_CRYPTO_ROOT',
      'the root key file does not open this tenant key; is it the right file, and not older than the key?',
    );
  };
  return Object.freeze({
    name: 'local',
    wrap: async (tenantId: TenantId, epoch: number, key: Buffer) => {
      requireWrappableKey(key);
      const nonce = randomBytes(nonceBytes);
      const epochKey = await file.findOrCreate(tenantId, epoch);
      return Buffer.concat([nonce, aeadSeal(epochKey, nonce, bindingOf(label, tenantId, epoch), key)]);
    },
    unwrap,
    describe: async () => ({
      name: 'local',
      kind: 'sealed-file' as const,
      development: options.development ?? true,
      destroyDelayDays: 0,
    }),
    scheduleDestroy: async (tenantId: TenantId, epoch: number) => {
      await file.destroy(tenantId, epoch);
      return { destroyedAt: clock.now(), scheduledFor: null };
    },
    health: async () => ({
      ok: true,
      detail:
        file.firstRoot() === null
          ? 'the root key file is unsealed'
          : 'the root key file is unsealed; it still holds the root of its first format, whose epochs are refused but not destroyed',
    }),
  });
}
