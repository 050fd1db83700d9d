import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { isGatehouseError, type AddressRules, type RandomBytes, type TenantId } from '../../kernel/index.ts';
import { aeadOpen, aeadSeal, nonceBytes, tagBytes, toAeadKey, type AeadKey } from '../aead.ts';
import { uuidBytes } from '../associated-data.ts';
import { equalInConstantTime, keyBytes } from '../derive.ts';
import { cryptoError } from '../errors.ts';
import type { ProviderCall, RootProvider } from '../root-provider.ts';
import { isWrappedLength, maxWrappedBytes, requireWrappableKey } from './check-input.ts';
import type { HyokConfiguration } from './configuration.ts';
import { fetchTenantKey } from './hyok-key.ts';

/** What the provider needs. */
export type HyokProviderOptions = {
  readonly name: string;
  readonly configuration: HyokConfiguration;
  readonly rules: AddressRules;
  /**
   * Holds one secret for every tenant and epoch beside the tenant's key, so that an epoch can be destroyed: the tenant's
   * service gives keys, it forgets none for us. The house's own provider.
   */
  readonly epochs: RootProvider;
  readonly randomBytes: RandomBytes;
};

const label = Buffer.from('ctl/hyok1\0', 'latin1');
const macLabel = Buffer.from('ctl/hyok1/mac\0', 'latin1');
const version = 1;
const sealedBytes = nonceBytes + keyBytes + tagBytes;
const macBytes = 32;

/**
 * version(1) | u8 length, key id | u16 length, secret as the house's provider wrapped it | nonce(12) key(32) tag(16) |
 * mac(32) under the secret over all before it: what was changed is refused before anybody is asked.
 */
type Blob = {
  readonly keyId: string;
  readonly secret: Buffer;
  readonly header: Buffer;
  readonly sealed: Buffer;
  readonly mac: Buffer;
};

function headerOf(keyId: string, secret: Buffer): Buffer {
  const id = Buffer.from(keyId, 'utf8');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(secret.length);
  return Buffer.concat([Buffer.from([version, id.length]), id, length, secret]);
}

/** Null for what this provider cannot have made. */
function parseBlob(wrapped: Buffer): Blob | null {
  if (!isWrappedLength(wrapped) || wrapped[0] !== version) return null;
  const secretAt = 2 + (wrapped[1] ?? 0) + 2;
  if (wrapped.length < secretAt) return null;
  const headerEnd = secretAt + wrapped.readUInt16BE(secretAt - 2);
  const sealedEnd = headerEnd + sealedBytes;
  if (wrapped.length !== sealedEnd + macBytes) return null;
  return {
    keyId: wrapped.toString('utf8', 2, secretAt - 2),
    secret: wrapped.subarray(secretAt, headerEnd),
    header: wrapped.subarray(0, headerEnd),
    sealed: wrapped.subarray(headerEnd, sealedEnd),
    mac: wrapped.subarray(sealedEnd),
  };
}

function bindingOf(tenantId: TenantId, epoch: number, header: Buffer): Buffer {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(epoch);
  return Buffer.concat([label, uuidBytes(tenantId), number, header]);
}

const macOf = (secret: Buffer, binding: Buffer, sealed: Buffer): Buffer =>
  createHmac('sha256', secret).update(macLabel).update(binding).update(sealed).digest();

/** Of the tenant's key and the epoch's secret; neither alone gives it. */
function wrappingKey(tenantKey: KeyObject, secret: Buffer): AeadKey {
  const bytes = Buffer.from(hkdfSync('sha512', tenantKey, secret, label, keyBytes));
  const key = toAeadKey(createSecretKey(bytes));
  bytes.fill(0);
  return key;
}

/**
 * Hold your own key: the tenant's HTTPS endpoint gives a key for each call, which wraps the tenant's KEK together with a
 * secret of the house for that epoch, and is not kept. Without the endpoint nothing opens; without the house's secret
 * neither does.
 */
export function createHyokProvider(options: HyokProviderOptions): RootProvider {
  const { name, configuration, rules, epochs, randomBytes } = options;
  const keyOf = (keyId: string, call: ProviderCall = {}): Promise<KeyObject> =>
    fetchTenantKey(configuration, keyId, { rules, signal: call.signal });
  return Object.freeze({
    name,
    wrap: async (tenantId: TenantId, epoch: number, key: Buffer, call?: ProviderCall) => {
      requireWrappableKey(key);
      const tenantKey = await keyOf(configuration.keyId, call);
      const secret = randomBytes(keyBytes);
      const header = headerOf(configuration.keyId, await epochs.wrap(tenantId, epoch, secret, call));
      const nonce = randomBytes(nonceBytes);
      const sealing = wrappingKey(tenantKey, secret);
      const binding = bindingOf(tenantId, epoch, header);
      const sealed = Buffer.concat([nonce, aeadSeal(sealing, nonce, binding, key)]);
      const wrapped = Buffer.concat([header, sealed, macOf(secret, binding, sealed)]);
      secret.fill(0);
      if (wrapped.length > maxWrappedBytes)
        throw cryptoError(
          'ERR_CRYPTO_ROOT',
          `a key wrapped by "${name}" has more than ${maxWrappedBytes} bytes`,
        );
      return wrapped;
    },
    unwrap: async (tenantId: TenantId, epoch: number, wrapped: Buffer, call?: ProviderCall) => {
      const blob = parseBlob(wrapped);
      if (blob === null) throw doesNotOpen(name);
      // The house's part first: what it does not know is not asked of a service elsewhere.
      const secret = await epochs.unwrap(tenantId, epoch, blob.secret, call);
      const binding = bindingOf(tenantId, epoch, blob.header);
      if (!equalInConstantTime(macOf(secret, binding, blob.sealed), blob.mac)) throw doesNotOpen(name);
      const sealing = wrappingKey(await keyOf(blob.keyId, call), secret);
      secret.fill(0);
      const nonce = blob.sealed.subarray(0, nonceBytes);
      const key = aeadOpen(sealing, nonce, binding, blob.sealed.subarray(nonceBytes));
      if (key === null) throw doesNotOpen(name);
      return key;
    },
    describe: async () => ({
      name,
      kind: 'hyok' as const,
      development: rules.development && configuration.url.startsWith('http:'),
      destroyDelayDays: (await epochs.describe()).destroyDelayDays,
    }),
    scheduleDestroy: (tenantId: TenantId, epoch: number) => epochs.scheduleDestroy(tenantId, epoch),
    health: async () => {
      try {
        await keyOf(configuration.keyId);
        return { ok: true, detail: `the tenant's own key service gives the key "${configuration.keyId}"` };
      } catch (error) {
        return { ok: false, detail: isGatehouseError(error) ? error.message : 'the key service failed' };
      }
    },
  });
}

const doesNotOpen = (name: string): Error =>
  cryptoError(
    'ERR_CRYPTO_ROOT',
    `the root provider "${name}" does not open this tenant key: the tenant's key service gave another key than the one it was wrapped under, or the row was changed`,
  );
