import { Agent as SecureAgent } from 'node:https';
import { Agent } from 'node:http';
import { isIP } from 'node:net';
import { gzipSync } from 'node:zlib';
import { PutObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import type { Clock } from '../../kernel/index.ts';
import type { ConfigurationOf, SinkSecrets } from './configuration.ts';
import { createLookup, requireReachable } from './outbound-address.ts';
import { ReceiverAway, type Delivery, type Encoded, type SinkPlace, type Transport } from './transport.ts';

/** What a bucket is reached with. */
export type S3Parts = {
  readonly configuration: ConfigurationOf<'s3'>;
  readonly secrets: SinkSecrets;
  readonly place: SinkPlace;
  readonly clock: Clock;
  readonly allowPrivate: boolean;
};

const dayMilliseconds = 86_400_000;
const width = 16;

/**
 * One object a batch, NDJSON under gzip, named by its run of events and locked until its retention ends. A repeated
 * delivery of the same run is refused by `If-None-Match` and counts as delivered.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
 */
export function createS3(parts: S3Parts): Transport {
  const { configuration, clock } = parts;
  const client = createClient(parts);
  return Object.freeze({
    deliver: async (batch: readonly Encoded[], signal: AbortSignal): Promise<Delivery> => {
      if (configuration.endpoint !== undefined)
        await requirePublic(configuration.endpoint, parts.allowPrivate);
      const retainUntil = new Date(clock.now().getTime() + configuration.retainDays * dayMilliseconds);
      const put = new PutObjectCommand({
        Bucket: configuration.bucket,
        Key: keyOf(batch, parts),
        Body: gzipSync(`${batch.map(({ text }) => text).join('\n')}\n`),
        ContentType: 'application/x-ndjson',
        ContentEncoding: 'gzip',
        ChecksumAlgorithm: 'SHA256',
        IfNoneMatch: '*',
        ObjectLockMode: configuration.lockMode,
        ObjectLockRetainUntilDate: retainUntil,
      });
      try {
        await client.send(put, { abortSignal: signal });
        return { kind: 'delivered' };
      } catch (error) {
        return judge(error);
      }
    },
    close: () => {
      client.destroy();
      return Promise.resolve();
    },
  });
}

/** @throws ReceiverAway */
function judge(error: unknown): Delivery {
  const status = error instanceof S3ServiceException ? (error.$metadata.httpStatusCode ?? 0) : 0;
  if (status === 412) return { kind: 'delivered' }; // the object is there already, and locked
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  if (error instanceof S3ServiceException && error.name === 'EntityTooLarge')
    return { kind: 'refused', reason: message.slice(0, 300) };
  throw new ReceiverAway(`the bucket did not take the events: ${message.slice(0, 300)}`, { cause: error });
}

async function requirePublic(endpoint: string, allowPrivate: boolean): Promise<void> {
  const host = new URL(endpoint).hostname.replaceAll(/^\[|\]$/g, '');
  if (isIP(host) !== 0) await requireReachable(host, allowPrivate);
}

/** Lexical order is the order of the log. */
function keyOf(batch: readonly Encoded[], { configuration, place }: S3Parts): string {
  const number = (seq: number | undefined): string => String(seq ?? 0).padStart(width, '0');
  return `${configuration.prefix}${place.logId}/${number(batch[0]?.seq)}-${number(batch.at(-1)?.seq)}.ndjson.gz`;
}

function createClient({ configuration, secrets, allowPrivate }: S3Parts): S3Client {
  const { endpoint, region, pathStyle } = configuration;
  const { accessKeyId, secretAccessKey } = secrets;
  const lookup = createLookup(allowPrivate);
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
