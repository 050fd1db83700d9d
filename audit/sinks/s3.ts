import { Agent as SecureAgent } from 'node:https';
import { Agent } from 'node:http';
import { gzipSync } from 'node:zlib';
import { createHash } from 'node:crypto';
import { HeadObjectCommand, PutObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import type { AddressRules, Clock } from '../../kernel/index.ts';
import type { ConfigurationOf, SinkSecrets } from './configuration.ts';
import { createLookup, requireEncrypted, requireReachable } from './outbound-address.ts';
import { ReceiverAway, type Delivery, type Encoded, type SinkPlace, type Transport } from './transport.ts';

/** What a bucket is reached with. */
export type S3Parts = {
  readonly configuration: ConfigurationOf<'s3'>;
  readonly secrets: SinkSecrets;
  readonly place: SinkPlace;
  readonly clock: Clock;
  readonly rules: AddressRules;
};

const dayMilliseconds = 86_400_000;
const width = 16;

/**
 * One object a batch, NDJSON under gzip, named by its run of events and the digest of its bytes, locked until its
 * retention ends. A repeated delivery is refused by `If-None-Match` and counts as delivered when the bucket holds the
 * same bytes: an object that somebody else laid down under the name does not.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
 */
export function createS3(parts: S3Parts): Transport {
  const { configuration, clock } = parts;
  const client = createClient(parts);
  return Object.freeze({
    deliver: async (batch: readonly Encoded[], signal: AbortSignal): Promise<Delivery> => {
      if (configuration.endpoint !== undefined) await requireAllowed(configuration.endpoint, parts.rules);
      const body = gzipSync(`${batch.map(({ text }) => text).join('\n')}\n`);
      const sha256 = createHash('sha256').update(body).digest();
      const place = { Bucket: configuration.bucket, Key: keyOf(batch, sha256, parts) };
      const retainUntil = new Date(clock.now().getTime() + configuration.retainDays * dayMilliseconds);
      const put = new PutObjectCommand({
        ...place,
        Body: body,
        ContentType: 'application/x-ndjson',
        ContentEncoding: 'gzip',
        ChecksumSHA256: sha256.toString('base64'),
        IfNoneMatch: '*',
        ObjectLockMode: configuration.lockMode,
        ObjectLockRetainUntilDate: retainUntil,
      });
      try {
        await client.send(put, { abortSignal: signal });
        return { kind: 'delivered' };
      } catch (error) {
        if (statusOf(error) !== 412) return judge(error);
        const there = new HeadObjectCommand({ ...place, ChecksumMode: 'ENABLED' });
        const found = await client.send(there, { abortSignal: signal }).catch(judge);
        if ('ChecksumSHA256' in found && found.ChecksumSHA256 === sha256.toString('base64'))
          return { kind: 'delivered' };
        throw new ReceiverAway(
          `the bucket holds another object named "${place.Key}"; somebody else wrote it`,
        );
      }
    },
    close: () => {
      client.destroy();
      return Promise.resolve();
    },
  });
}

const statusOf = (error: unknown): number =>
  error instanceof S3ServiceException ? (error.$metadata.httpStatusCode ?? 0) : 0;

/** @throws ReceiverAway */
function judge(error: unknown): Delivery {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  if (error instanceof S3ServiceException && error.name === 'EntityTooLarge')
    return { kind: 'refused', reason: message.slice(0, 300) };
  throw new ReceiverAway(`the bucket did not take the events: ${message.slice(0, 300)}`, { cause: error });
}

async function requireAllowed(endpoint: string, rules: AddressRules): Promise<void> {
  const { protocol, hostname } = new URL(endpoint);
  requireEncrypted(protocol === 'https:', rules);
  await requireReachable(hostname, rules);
}

/** Lexical order is the order of the log. */
function keyOf(batch: readonly Encoded[], sha256: Buffer, { configuration, place }: S3Parts): string {
  const number = (seq: number | undefined): string => String(seq ?? 0).padStart(width, '0');
  const run = `${number(batch[0]?.seq)}-${number(batch.at(-1)?.seq)}-${sha256.toString('hex').slice(0, 16)}`;
  return `${configuration.prefix}${place.logId}/${run}.ndjson.gz`;
}

function createClient({ configuration, secrets, rules }: S3Parts): S3Client {
  const { endpoint, region, pathStyle } = configuration;
  const { accessKeyId, secretAccessKey } = secrets;
  const lookup = createLookup(rules);
  return new S3Client({
    region,
    maxAttempts: 1, // the sink has its own back-off
    forcePathStyle: pathStyle,
    requestHandler: {
      httpAgent: new Agent({ lookup }),
      httpsAgent: new SecureAgent({ lookup }),
      connectionTimeout: 10_000,
      requestTimeout: 30_000,
    },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : { credentials: { accessKeyId, secretAccessKey } }),
  });
}
