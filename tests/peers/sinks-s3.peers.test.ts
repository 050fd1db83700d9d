import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectRetentionCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectRetentionCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTransport } from '../../audit/sinks/create-transport.ts';
import type { ConfigurationOf } from '../../audit/sinks/configuration.ts';
import { createTrailEvent, place } from '../../audit/sinks/sink-fixture.ts';
import { systemClock } from '../../kernel/index.ts';
import { createObjectStore, provideObjectStore, type ObjectStore } from '../support/object-store.ts';
import { describeUnless } from '../support/skip.ts';
import { describeSinkPeer, type HeldEvent, type SinkPeer } from './sink-contract.ts';

const provided = await provideObjectStore();
const missing = 'missing' in provided ? provided.missing : null;
const program = 'program' in provided ? provided.program : '';
const bucket = 'trail';

const clientOf = ({ url, accessKeyId, secretAccessKey }: ObjectStore): S3Client =>
  new S3Client({
    endpoint: url,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey },
  });
const configurationOf = (store: ObjectStore): ConfigurationOf<'s3'> => ({
  kind: 's3',
  endpoint: store.url,
  region: 'us-east-1',
  bucket,
  prefix: 'gatehouse/',
  format: 'native',
  lockMode: 'COMPLIANCE',
  retainDays: 1,
  pathStyle: true,
});
const secretsOf = ({ accessKeyId, secretAccessKey }: ObjectStore) => ({ accessKeyId, secretAccessKey });

async function begin(): Promise<ObjectStore> {
  const store = await createObjectStore(program);
  await store.start();
  await clientOf(store).send(new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: true }));
  return store;
}

/** Every event below a log's prefix, in the lexical order of the names. */
async function read(store: ObjectStore, logId: string): Promise<readonly HeldEvent[]> {
  const client = clientOf(store);
  const { Contents: objects = [] } = await client.send(
    new ListObjectsV2Command({ Bucket: bucket, Prefix: `gatehouse/${logId}/` }),
  );
  const held: HeldEvent[] = [];
  for (const { Key } of objects) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }));
    const text = gunzipSync((await Body?.transformToByteArray()) ?? Buffer.alloc(0)).toString('utf8');
    held.push(
      ...text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as HeldEvent),
    ); // our own form
  }
  return held;
}

describeUnless(missing, 'an S3 gateway that enforces object lock', () => {
  describeSinkPeer(async (): Promise<SinkPeer> => {
    const store = await begin();
    return {
      sink: { configuration: configurationOf(store), secrets: secretsOf(store) },
      read: (logId) => read(store, logId),
      start: store.start,
      stop: store.stop,
      dispose: store.remove,
    };
  });

  describe('holds objects that', () => {
    let store: ObjectStore;
    let client: S3Client;
    let key: string;
    const event = createTrailEvent();
    const deliver = (text: string) =>
      createTransport(
        { sinkId: 's', configuration: configurationOf(store), secrets: secretsOf(store), place },
        { clock: systemClock, rules: { development: true, allowPrivate: true } },
      ).deliver([{ seq: event.seq, event, text, fits: true }], AbortSignal.timeout(10_000));

    beforeAll(async () => {
      store = await begin();
      client = clientOf(store);
      await deliver('{"seq":41}');
      const { Contents: [object] = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
      key = object?.Key ?? '';
    });
    afterAll(() => store?.remove());

    test('are locked in compliance mode for as long as the sink says', async () => {
      expect(key).toMatch(/^gatehouse\/ab12\/0{14}41-0{14}41-[0-9a-f]{16}\.ndjson\.gz$/);
      const { Retention } = await client.send(new GetObjectRetentionCommand({ Bucket: bucket, Key: key }));
      expect(Retention?.Mode).toBe('COMPLIANCE');
      const days = ((Retention?.RetainUntilDate?.getTime() ?? 0) - Date.now()) / 86_400_000;
      expect(days).toBeGreaterThan(0.9);
      expect(days).toBeLessThanOrEqual(1);
    });

    test('nobody deletes before then, not even the owner of the bucket', async () => {
      const { Versions: [version] = [] } = await client.send(
        new ListObjectVersionsCommand({ Bucket: bucket }),
      );
      await expect(
        client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: version?.VersionId })),
      ).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } });
      await expect(client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }))).resolves.toBeDefined();
    });

    test.each(['COMPLIANCE', 'GOVERNANCE'] as const)(
      'keep their retention when somebody shortens it (%s)',
      async (Mode) => {
        const RetainUntilDate = new Date(Date.now() + 60_000);
        await expect(
          client.send(
            new PutObjectRetentionCommand({
              Bucket: bucket,
              Key: key,
              Retention: { Mode, RetainUntilDate },
              BypassGovernanceRetention: true,
            }),
          ),
        ).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } });
      },
    );

    test('are written once however often the batch is delivered', async () => {
      await expect(deliver('{"seq":41}')).resolves.toEqual({ kind: 'delivered' });
      const { Versions = [] } = await client.send(
        new ListObjectVersionsCommand({ Bucket: bucket, Prefix: key }),
      );
      expect(Versions).toHaveLength(1);
    });

    test('somebody else laid down under the name count for nothing', async () => {
      const text = '{"seq":41,"true":true}';
      const digest = createHash('sha256')
        .update(gzipSync(`${text}\n`))
        .digest('hex')
        .slice(0, 16);
      const forged = key.replace(/[0-9a-f]{16}(?=\.ndjson)/, digest);
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: forged, Body: 'forged' }));
      await expect(deliver(text)).rejects.toThrow(/another object named/);
    });
  });

  test('a key that is not known drops nothing', async () => {
    const store = await begin();
    try {
      const transport = createTransport(
        {
          sinkId: 's',
          configuration: configurationOf(store),
          secrets: { accessKeyId: 'an-access-key', secretAccessKey: 'wrong' },
          place,
        },
        { clock: systemClock, rules: { development: true, allowPrivate: true } },
      );
      const event = createTrailEvent();
      await expect(
        transport.deliver([{ seq: 41, event, text: '{}', fits: true }], AbortSignal.timeout(10_000)),
      ).rejects.toThrow(/bucket did not take the events/);
    } finally {
      await store.remove();
    }
  });
});
