import { createSecretKey, type KeyObject } from 'node:crypto';
import {
  systemClock,
  type Clock,
  type Logger,
  type RandomBytes,
  type Secret,
  type TenantId,
} from '../../kernel/index.ts';
import { aeadOpen, aeadSeal, nonceBytes, tagBytes, toAeadKey, type AeadKey } from '../aead.ts';
import { uuidBytes } from '../associated-data.ts';
import { expand, keyBytes } from '../derive.ts';
import { cryptoError } from '../errors.ts';
import { requireWrappableKey } from './check-input.ts';
import { createHouseSeal, openSeal, sealedError, type HouseSeal } from './house-seal.ts';
import { openRootFile, type RootFile } from './root-file.ts';
import type { RootProvider } from '../root-provider.ts';
import { defaultCostLog2, readSealHeader, type FileSeal } from './sealed-file.ts';

/** Where the root is and what opens it. */
export type LocalProviderOptions = {
  /** Made with mode 0600 when missing. */
  readonly file: string;
  /** Null only for a file that is sealed by shares. */
  readonly passphrase: Secret | null;
  readonly randomBytes: RandomBytes;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** log2 of scrypt's cost for a new file, 14..20; default 17. */
  readonly costLog2?: number;
  /** False says that an operator chose this provider and keeps the passphrase elsewhere; default true. */
  readonly development?: boolean;
  /** Told of refused shares. */
  readonly logger?: Logger;
};

/** The provider, sealed until enough shares are given when its file is sealed by shares. */
export type LocalProvider = RootProvider & { readonly seal: HouseSeal };

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
 * Keys in a file sealed by a passphrase or by shares: a random one for every tenant and epoch, so that taking it out of
 * the file takes away everything that was wrapped under it. A file that is missing is made under the passphrase.
 *
 * @throws ERR_CRYPTO_UNSEAL when the passphrase is wrong or missing, or the file is damaged or open to others
 */
export async function createLocalProvider(options: LocalProviderOptions): Promise<LocalProvider> {
  const { randomBytes, clock = systemClock } = options;
  const { seal, file } = await openOrSeal(options);
  return Object.freeze({
    name: 'local',
    seal,
    wrap: async (tenantId: TenantId, epoch: number, key: Buffer) => {
      requireWrappableKey(key);
      const nonce = randomBytes(nonceBytes);
      const epochKey = await file().findOrCreate(tenantId, epoch);
      return Buffer.concat([nonce, aeadSeal(epochKey, nonce, bindingOf(label, tenantId, epoch), key)]);
    },
    unwrap: async (tenantId: TenantId, epoch: number, wrapped: Buffer) =>
      unwrap(file(), tenantId, epoch, wrapped),
    describe: async () => ({
      name: 'local',
      kind: 'sealed-file' as const,
      development: seal === openSeal && (options.development ?? true),
      destroyDelayDays: 0,
    }),
    scheduleDestroy: async (tenantId: TenantId, epoch: number) => {
      await file().destroy(tenantId, epoch);
      return { destroyedAt: clock.now(), scheduledFor: null };
    },
    health: async () => healthOf(seal, file),
  });
}

/** @returns `file` throws ERR_CRYPTO_UNSEAL while the house is sealed */
async function openOrSeal(
  options: LocalProviderOptions,
): Promise<{ readonly seal: HouseSeal; readonly file: () => RootFile }> {
  const { file: path, passphrase, randomBytes, clock = systemClock, logger } = options;
  const header = await readSealHeader(path);
  if (header?.name === 'shamir') {
    const state: { file: RootFile | null } = { file: null };
    const open = async (seal: FileSeal): Promise<void> => {
      state.file = await openRootFile({ file: path, randomBytes, opener: { kind: 'seal', seal } });
    };
    const seal = createHouseSeal(header, { clock, logger, open });
    return { seal, file: () => state.file ?? refuseSealed(seal) };
  }
  if (passphrase === null)
    throw cryptoError(
      'ERR_CRYPTO_UNSEAL',
      `the root key file "${path}" is not sealed by shares; give its passphrase, or run "gatehouse crypto reseal"`,
    );
  const costLog2 = options.costLog2 ?? defaultCostLog2;
  const opener = { kind: 'passphrase' as const, passphrase, costLog2 };
  const opened = await openRootFile({ file: path, randomBytes, opener });
  return { seal: openSeal, file: () => opened };
}

function refuseSealed(seal: HouseSeal): never {
  throw sealedError(seal.status());
}

async function unwrap(file: RootFile, tenantId: TenantId, epoch: number, wrapped: Buffer): Promise<Buffer> {
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
}

function healthOf(seal: HouseSeal, file: () => RootFile): { readonly ok: boolean; readonly detail: string } {
  const status = seal.status();
  if (status.sealed) return { ok: false, detail: sealedError(status).message };
  const detail =
    file().firstRoot() === null
      ? 'the root key file is unsealed'
      : 'the root key file is unsealed; it still holds the root of its first format, whose epochs are refused but not destroyed';
  return { ok: true, detail };
}
