import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import {
  DeleteObjectCommand,
  GetObjectRetentionCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectRetentionCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTransport } from '../../audit/sinks/create-transport.ts';
import { createTrailEvent, place } from '../../audit/sinks/sink-fixture.ts';
import { systemClock } from '../../kernel/index.ts';
import { describeUnless } from '../support/skip.ts';
import { describeSinkPeer } from './sink-contract.ts';
import { bucket, missing, ownerOf, startS3Peer } from './sink-peers.ts';

describeUnless(missing.s3, 'an S3 gateway that enforces object lock', () => {
  describeSinkPeer(async () => (await startS3Peer()).peer);

  describe('holds objects that', () => {
    let store: Awaited<ReturnType<typeof startS3Peer>>;
    let client: S3Client;
    let key: string;
    const event = createTrailEvent();
    const deliver = (text: string) =>
      createTransport(
        { sinkId: 's', configuration: store.configuration, secrets: store.secrets, place },
        { clock: systemClock, rules: { development: true, allowPrivate: true } },
      ).deliver([{ seq: event.seq, event, text, fits: true }], AbortSignal.timeout(10_000));

    beforeAll(async () => {
      store = await startS3Peer();
      client = ownerOf(store.server);
      await deliver('{"seq":41}');
      const { Contents: [object] = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
      key = object?.Key ?? '';
    });
    afterAll(() => store?.peer.dispose());

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
    const store = await startS3Peer();
    try {
      const transport = createTransport(
        {
          sinkId: 's',
          configuration: store.configuration,
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
      await store.peer.dispose();
    }
  });
});
