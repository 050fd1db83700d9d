import type { KeyMetadata, KMSClient } from '@aws-sdk/client-kms';
import type { Clock, TenantId } from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';
import type { Destruction } from '../root-provider.ts';
import { isNotFound, isTaken, kmsFailure } from './aws-kms-errors.ts';

/** The SDK's module; loaded when the provider is first used. */
export type KmsModule = typeof import('@aws-sdk/client-kms');

/** What finding, making and ending keys needs. */
export type KmsKeysDeps = {
  readonly sdk: KmsModule;
  readonly client: KMSClient;
  /** Begins every alias, without `alias/`. */
  readonly aliasPrefix: string;
  /** 7..30 */
  readonly deletionDays: number;
  readonly clock: Clock;
};

const maxPages = 200;

/** Of one tenant and epoch. */
export type EpochOf = { readonly tenantId: TenantId; readonly epoch: number };

/** The name under which the key of an epoch is found; the database is not asked, so that it cannot point elsewhere. */
export const aliasOf = (aliasPrefix: string, { tenantId, epoch }: EpochOf): string =>
  `alias/${aliasPrefix}${tenantId}-${epoch}`;

/** @returns null when there is no such key */
export async function describeKey(
  { sdk, client }: KmsKeysDeps,
  keyId: string,
  abortSignal?: AbortSignal,
): Promise<KeyMetadata | null> {
  try {
    const command = new sdk.DescribeKeyCommand({ KeyId: keyId });
    const { KeyMetadata: found } = await client.send(command, { ...(abortSignal && { abortSignal }) });
    return found ?? null;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw kmsFailure(error);
  }
}

/**
 * The key of an epoch, made with its tags and alias when there is none.
 *
 * @returns its id, because a new alias is not visible everywhere at once
 */
export async function findOrMakeKey(
  deps: KmsKeysDeps,
  of: EpochOf,
  abortSignal?: AbortSignal,
): Promise<string> {
  const alias = aliasOf(deps.aliasPrefix, of);
  const found = await describeKey(deps, alias, abortSignal);
  if (found?.KeyId !== undefined) return found.KeyId;
  const made = await makeKey(deps, of, abortSignal);
  try {
    const command = new deps.sdk.CreateAliasCommand({ AliasName: alias, TargetKeyId: made });
    await deps.client.send(command, { ...(abortSignal && { abortSignal }) });
    return made;
  } catch (error) {
    await endKey(deps, made); // without its alias nobody would ever find it
    if (!isTaken(error)) throw kmsFailure(error);
    const winner = await describeKey(deps, alias, abortSignal);
    if (winner?.KeyId !== undefined) return winner.KeyId;
    throw cryptoError('ERR_CRYPTO_ROOT', 'another process is making the KMS key of this epoch; ask again', {
      details: { retryable: true },
    });
  }
}

async function makeKey(
  { sdk, client }: KmsKeysDeps,
  { tenantId, epoch }: EpochOf,
  abortSignal?: AbortSignal,
): Promise<string> {
  const command = new sdk.CreateKeyCommand({
    Description: `Gatehouse tenant ${tenantId}, epoch ${epoch}`,
    KeySpec: 'SYMMETRIC_DEFAULT',
    KeyUsage: 'ENCRYPT_DECRYPT',
    Tags: [
      { TagKey: 'gatehouse:tenant', TagValue: tenantId },
      { TagKey: 'gatehouse:epoch', TagValue: String(epoch) },
    ],
  });
  try {
    const { KeyMetadata: made } = await client.send(command, { ...(abortSignal && { abortSignal }) });
    if (made?.KeyId !== undefined) return made.KeyId;
  } catch (error) {
    throw kmsFailure(error);
  }
  throw cryptoError('ERR_CRYPTO_ROOT', 'KMS made a key and did not say which; is something else answering?');
}

/** Disabled at once, deleted when the window is over; a key that already waits keeps its day. */
export async function endKey(deps: KmsKeysDeps, keyId: string): Promise<Destruction> {
  const { sdk, client, deletionDays } = deps;
  const found = await describeKey(deps, keyId);
  if (found?.KeyId === undefined) return believeGone(deps);
  if (found.KeyState === 'PendingDeletion')
    return { destroyedAt: null, scheduledFor: found.DeletionDate ?? null };
  try {
    if (found.KeyState === 'Enabled') await client.send(new sdk.DisableKeyCommand({ KeyId: found.KeyId }));
    const command = new sdk.ScheduleKeyDeletionCommand({
      KeyId: found.KeyId,
      PendingWindowInDays: deletionDays,
    });
    const { DeletionDate: scheduledFor } = await client.send(command);
    return { destroyedAt: null, scheduledFor: scheduledFor ?? null };
  } catch (error) {
    throw kmsFailure(error);
  }
}

/** A deleted key takes its alias along. That is believed only where other keys of this house are seen. */
async function believeGone({ sdk, client, aliasPrefix, clock }: KmsKeysDeps): Promise<Destruction> {
  let marker: string | undefined;
  for (let page = 0; page < maxPages; page += 1) {
    const command = new sdk.ListAliasesCommand({
      Limit: 100,
      ...(marker !== undefined && { Marker: marker }),
    });
    const { Aliases: aliases = [], NextMarker: next } = await client.send(command).catch((error: unknown) => {
      throw kmsFailure(error);
    });
    if (aliases.some(({ AliasName: name }) => name?.startsWith(`alias/${aliasPrefix}`) === true))
      return { destroyedAt: clock.now(), scheduledFor: null };
    if (next === undefined) break;
    marker = next;
  }
  throw cryptoError(
    'ERR_CRYPTO_KEY_REVOKED',
    'KMS has no key of this epoch, and none of this house at all; is region or account another?',
  );
}
