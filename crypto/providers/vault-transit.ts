import { z } from 'zod';
import type { Clock, TenantId } from '../../kernel/index.ts';
import { keyBytes } from '../derive.ts';
import { cryptoError } from '../errors.ts';
import type { Destruction, ProviderCall, RootProvider } from '../root-provider.ts';
import { requireWrappableKey } from './check-input.ts';
import { epochBinding } from './epoch-binding.ts';
import { createVaultClient, type VaultClient, type VaultConnection } from './vault-transit-client.ts';
import { revoked, vaultNonsense } from './vault-transit-errors.ts';

/** A transit mount and how its keys are named. */
export type VaultTransitOptions = VaultConnection & {
  /** Name of the provider in the house, default `vault-transit`. */
  readonly name?: string;
  /** Path of the mount, e.g. `transit`. */
  readonly mount: string;
  /** Begins the name of every key, so that several houses can share a mount. */
  readonly keyPrefix: string;
  readonly clock: Clock;
};

const label = Buffer.from('ctl/vault-transit1\0', 'latin1');
const ciphertextForm = /^vault:v1:(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** nonce, key and tag in base64, with room for other backends that speak the same API */
const maxCiphertext = 1_024;

const keyFacts = z.object({
  type: z.string(),
  exportable: z.boolean(),
  allow_plaintext_backup: z.boolean(),
  latest_version: z.number().int(),
  min_available_version: z.number().int(),
  min_decryption_version: z.number().int(),
  keys: z.record(z.string(), z.unknown()),
});
type KeyFacts = z.output<typeof keyFacts>;
const mountFacts = z.object({ disable_upsert: z.boolean() });

type Transit = {
  readonly client: VaultClient;
  readonly pathOf: (action: string, tenantId: TenantId, epoch: number) => string;
  readonly mount: string;
};

/**
 * Tenant keys wrapped by a key of their own for every tenant and epoch in the transit backend of OpenBao or Vault.
 *
 * Only version 1 of a key is ever used. Destroying an epoch adds version 2 and trims version 1 away, so that the key's
 * name stays taken as a gravestone and no setting brings the epoch back. Batches, `datakey` and `rewrap` are not used:
 * they ignore or refuse associated data, or hide refusals in single items.
 */
export function createVaultTransitProvider(options: VaultTransitOptions): RootProvider {
  const name = options.name ?? 'vault-transit';
  const mount = options.mount.split('/').map(encodeURIComponent).join('/');
  const transit: Transit = {
    client: createVaultClient(options),
    pathOf: (action, tenantId, epoch) => `${mount}/${action}/${options.keyPrefix}${tenantId}-${epoch}`,
    mount,
  };
  return Object.freeze({
    name,
    wrap: (tenantId: TenantId, epoch: number, key: Buffer, call?: ProviderCall) =>
      wrap(transit, tenantId, epoch, key, call?.signal),
    unwrap: (tenantId: TenantId, epoch: number, wrapped: Buffer, call?: ProviderCall) =>
      unwrap(transit, tenantId, epoch, wrapped, call?.signal),
    describe: async () => ({ name, kind: 'vault-transit' as const, development: false, destroyDelayDays: 0 }),
    scheduleDestroy: (tenantId: TenantId, epoch: number) => destroy(transit, tenantId, epoch, options.clock),
    health: () => health(transit),
  });
}

async function wrap(
  transit: Transit,
  tenantId: TenantId,
  epoch: number,
  key: Buffer,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  requireWrappableKey(key);
  await refuseUpsert(transit, signal);
  const found = await readKey(transit, tenantId, epoch, signal);
  requireUsable(found ?? (await makeKey(transit, tenantId, epoch, signal)), epoch);
  const answer = z.object({ ciphertext: z.string().max(maxCiphertext).regex(ciphertextForm) }).safeParse(
    await transit.client.write(
      transit.pathOf('encrypt', tenantId, epoch),
      {
        plaintext: key.toString('base64'),
        associated_data: epochBinding(label, tenantId, epoch).toString('base64'),
        key_version: 1,
      },
      signal,
    ),
  );
  if (!answer.success) throw vaultNonsense('no ciphertext of version 1');
  return Buffer.from(answer.data.ciphertext, 'latin1');
}

async function unwrap(
  transit: Transit,
  tenantId: TenantId,
  epoch: number,
  wrapped: Buffer,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const ciphertext = wrapped.toString('latin1');
  if (wrapped.length > maxCiphertext || !ciphertextForm.test(ciphertext))
    throw cryptoError(
      'ERR_CRYPTO_ROOT',
      'the tenant key was not wrapped by a transit server; is the provider the right one?',
    );
  const answer = z
    .object({ plaintext: z.base64().length(44) })
    .safeParse(
      await transit.client.write(
        transit.pathOf('decrypt', tenantId, epoch),
        { ciphertext, associated_data: epochBinding(label, tenantId, epoch).toString('base64') },
        signal,
      ),
    );
  const key = answer.success ? Buffer.from(answer.data.plaintext, 'base64') : null;
  if (key?.length !== keyBytes) throw vaultNonsense('something else than a key of 32 bytes');
  return key;
}

/** Without this a mistyped or deleted name would quietly become a new key. */
async function refuseUpsert({ client, mount }: Transit, signal?: AbortSignal): Promise<void> {
  const facts = mountFacts.safeParse(await client.read(`${mount}/config/keys`, signal));
  if (facts.success && facts.data.disable_upsert) return;
  const changed = mountFacts.safeParse(
    await client.write(`${mount}/config/keys`, { disable_upsert: true }, signal),
  );
  if (!changed.success || !changed.data.disable_upsert) throw vaultNonsense('no word that upserts are off');
}

async function readKey(
  { client, pathOf }: Transit,
  tenantId: TenantId,
  epoch: number,
  signal?: AbortSignal,
): Promise<KeyFacts | null> {
  const data = await client.read(pathOf('keys', tenantId, epoch), signal);
  if (data === null) return null;
  const facts = keyFacts.safeParse(data);
  if (!facts.success) throw vaultNonsense('a key without its properties');
  return facts.data;
}

/** Making a key that is there already changes nothing, so two processes may both try. */
async function makeKey(
  transit: Transit,
  tenantId: TenantId,
  epoch: number,
  signal: AbortSignal | undefined,
): Promise<KeyFacts> {
  await transit.client.write(
    transit.pathOf('keys', tenantId, epoch),
    { type: 'aes256-gcm96', exportable: false, allow_plaintext_backup: false },
    signal,
  );
  const made = await readKey(transit, tenantId, epoch, signal);
  if (made === null) throw vaultNonsense('no key after making one');
  return made;
}

const isTrimmed = (key: KeyFacts): boolean => key.min_available_version > 1 && !('1' in key.keys);

function requireUsable(key: KeyFacts, epoch: number): void {
  if (key.min_decryption_version > 1 || key.min_available_version > 1)
    throw revoked(`the transit key of epoch ${epoch} was destroyed; rotate the tenant's keys`);
  if (key.type !== 'aes256-gcm96' || key.exportable || key.allow_plaintext_backup)
    throw cryptoError(
      'ERR_CRYPTO_ROOT',
      'the transit key can be exported, backed up in clear, or is no aes256-gcm96; delete it, or choose another key prefix',
    );
}

/** Asked again it goes on where it stopped, and changes nothing once version 1 is gone. */
async function destroy(
  transit: Transit,
  tenantId: TenantId,
  epoch: number,
  clock: Clock,
): Promise<Destruction> {
  const { client, pathOf } = transit;
  const path = pathOf('keys', tenantId, epoch);
  const key = await readKey(transit, tenantId, epoch);
  if (key === null)
    throw revoked(
      `the transit mount has no key of epoch ${epoch}; is it the right mount, or did somebody delete it?`,
    );
  if (isTrimmed(key)) return { destroyedAt: clock.now(), scheduledFor: null };
  if (key.latest_version < 2) await client.write(`${path}/rotate`, {});
  await client.write(`${path}/config`, { min_decryption_version: 2, min_encryption_version: 2 });
  await client.write(`${path}/trim`, { min_available_version: 2 });
  const after = await readKey(transit, tenantId, epoch);
  if (after === null || !isTrimmed(after))
    throw cryptoError(
      'ERR_CRYPTO_ROOT',
      `the transit server still holds the key of epoch ${epoch}; ask again`,
      {
        details: { retryable: true },
      },
    );
  return { destroyedAt: clock.now(), scheduledFor: null };
}

async function health({ client, mount }: Transit): Promise<{ ok: boolean; detail: string }> {
  try {
    const facts = mountFacts.safeParse(await client.read(`${mount}/config/keys`));
    return facts.success
      ? {
          ok: true,
          detail: `the transit mount answers; upserts are ${facts.data.disable_upsert ? 'off' : 'still on'}`,
        }
      : { ok: false, detail: 'the transit mount answers something else than its configuration' };
  } catch (error) {
    return { ok: false, detail: (error as Error).message }; // the client throws errors of this room only
  }
}
