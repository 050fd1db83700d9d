import type { KMSClient } from '@aws-sdk/client-kms';
import type { Clock, Secret, TenantId } from '../../kernel/index.ts';
import { keyBytes } from '../derive.ts';
import { cryptoError } from '../errors.ts';
import type { ProviderCall, RootProvider } from '../root-provider.ts';
import { isWrappedLength, requireWrappableKey } from './check-input.ts';
import { kmsFailure } from './aws-kms-errors.ts';
import { aliasOf, describeKey, endKey, findOrMakeKey, type KmsKeysDeps } from './aws-kms-keys.ts';

/** An account and region of AWS KMS. */
export type AwsKmsOptions = {
  /** Name of the provider in the house, default `aws-kms`. */
  readonly name?: string;
  readonly region: string;
  /** Another endpoint than the region's own, e.g. of a VPC. */
  readonly endpoint: string | null;
  /** Null for the SDK's chain: environment, container, instance. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: Secret } | null;
  /**
   * The one key that somebody else owns and all epochs are wrapped under (BYOK); null for a key of its own for every
   * tenant and epoch, which alone can be destroyed one by one.
   */
  readonly keyArn: string | null;
  /** Begins every alias, without `alias/`. */
  readonly aliasPrefix: string;
  /** Days between scheduling a deletion and its being done, 7..30. */
  readonly deletionDays: number;
  readonly clock: Clock;
};

type Kms = KmsKeysDeps & { readonly keyArn: string | null };

const purpose = 'tenant-key';

/**
 * Tenant keys wrapped by AWS KMS. The encryption context names tenant, epoch and purpose, so that KMS itself refuses a
 * blob that was carried elsewhere, and CloudTrail tells what was opened.
 */
export function createAwsKmsProvider(options: AwsKmsOptions): RootProvider {
  const name = options.name ?? 'aws-kms';
  let opened: Promise<Kms> | null = null;
  const open = (): Promise<Kms> => (opened ??= openKms(options));
  return Object.freeze({
    name,
    wrap: async (tenantId: TenantId, epoch: number, key: Buffer, call?: ProviderCall) =>
      wrap(await open(), { tenantId, epoch }, key, call?.signal),
    unwrap: async (tenantId: TenantId, epoch: number, wrapped: Buffer, call?: ProviderCall) =>
      unwrap(await open(), { tenantId, epoch }, wrapped, call?.signal),
    describe: async () => ({
      name,
      kind: 'aws-kms' as const,
      development: false,
      destroyDelayDays: options.keyArn === null ? options.deletionDays : null,
    }),
    scheduleDestroy: async (tenantId: TenantId, epoch: number) => {
      if (options.keyArn !== null) throw cannotDestroy(options.keyArn);
      return endKey(await open(), aliasOf(options.aliasPrefix, { tenantId, epoch }));
    },
    health: async () => health(await open()),
  });
}

async function openKms(options: AwsKmsOptions): Promise<Kms> {
  const sdk = await import('@aws-sdk/client-kms'); // a tenth of a second that only its users spend
  const { credentials } = options;
  const client: KMSClient = new sdk.KMSClient({
    region: options.region,
    ...(options.endpoint === null ? {} : { endpoint: options.endpoint }),
    ...(credentials === null
      ? {}
      : {
          credentials: {
            accessKeyId: credentials.accessKeyId,
            secretAccessKey: credentials.secretAccessKey.reveal(),
          },
        }),
    maxAttempts: 1, // the guard around every provider asks again, and records it
    requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000 },
  });
  return { sdk, client, ...options };
}

const contextOf = (tenantId: TenantId, epoch: number): Record<string, string> => ({
  tenant: tenantId,
  epoch: String(epoch),
  purpose,
});

type Epoch = { readonly tenantId: TenantId; readonly epoch: number };

async function wrap(kms: Kms, of: Epoch, key: Buffer, abortSignal?: AbortSignal): Promise<Buffer> {
  requireWrappableKey(key);
  const keyId = kms.keyArn ?? (await findOrMakeKey(kms, of, abortSignal));
  const command = new kms.sdk.EncryptCommand({
    KeyId: keyId,
    Plaintext: key,
    EncryptionContext: contextOf(of.tenantId, of.epoch),
  });
  const answer = await kms.client.send(command, { ...(abortSignal && { abortSignal }) }).catch(fail);
  const blob = answer.CiphertextBlob;
  if (blob === undefined) throw nonsense('no ciphertext');
  return Buffer.from(blob);
}

async function unwrap(kms: Kms, of: Epoch, wrapped: Buffer, abortSignal?: AbortSignal): Promise<Buffer> {
  if (!isWrappedLength(wrapped))
    throw cryptoError(
      'ERR_CRYPTO_ROOT',
      'the tenant key was not wrapped by KMS; is the provider the right one?',
    );
  const command = new kms.sdk.DecryptCommand({
    KeyId: kms.keyArn ?? aliasOf(kms.aliasPrefix, of),
    CiphertextBlob: wrapped,
    EncryptionContext: contextOf(of.tenantId, of.epoch),
  });
  const { Plaintext: plaintext } = await kms.client
    .send(command, { ...(abortSignal && { abortSignal }) })
    .catch(fail);
  if (plaintext?.length !== keyBytes) throw nonsense('something else than a key of 32 bytes');
  const key = Buffer.from(plaintext);
  plaintext.fill(0);
  return key;
}

function fail(error: unknown): never {
  throw kmsFailure(error);
}

const nonsense = (what: string): Error =>
  cryptoError('ERR_CRYPTO_ROOT', `KMS gave ${what}; is something else answering?`);

const cannotDestroy = (keyArn: string): Error =>
  cryptoError(
    'ERR_CRYPTO_ROOT',
    `single epochs cannot be destroyed under the key ${keyArn}, which its owner holds; move the tenant to a provider with keys of its own, or let the owner disable and delete the key, which ends all of the tenant's epochs`,
  );

/** Looks at the owner's key, or asks for an alias that nobody has: that shows network, credentials and permission. */
async function health(kms: Kms): Promise<{ ok: boolean; detail: string }> {
  try {
    if (kms.keyArn === null) {
      await describeKey(kms, `alias/${kms.aliasPrefix}health`);
      return { ok: true, detail: 'KMS answers' };
    }
    const key = await describeKey(kms, kms.keyArn);
    const state = key?.KeyState ?? 'not there';
    return {
      ok: state === 'Enabled',
      detail: `the KMS key is ${state.toLowerCase()}; it cannot destroy single epochs`,
    };
  } catch (error) {
    return { ok: false, detail: (error as Error).message }; // errors of this room only
  }
}
