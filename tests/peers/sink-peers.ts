import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { Admin, Consumer, ListOffsetTimestamps, stringDeserializers } from '@platformatic/kafka';
import type { ConfigurationOf, SinkSecrets } from '../../audit/sinks/configuration.ts';
import { freePort } from '../../db/index.ts';
import { createKafkaBroker, provideKafka, type KafkaBroker } from '../support/kafka-broker.ts';
import { testFolderPrefix } from '../support/leftovers.ts';
import { createObjectStore, provideObjectStore, type ObjectStore } from '../support/object-store.ts';
import {
  createPythonReceiver,
  providePythonReceiver,
  type PythonReceiver,
} from '../support/python-receiver.ts';
import { createRsyslog, missingRsyslog, type SyslogPlace, type SyslogServer } from '../support/rsyslog.ts';
import { createSyslogNg, provideSyslogNg } from '../support/syslog-ng.ts';
import { createAuthority, issueCertificate, type TestCertificate } from '../support/test-certificates.ts';
import type { HeldEvent, SinkPeer } from './sink-contract.ts';

const [kafka, store, python, syslogNg] = [
  await provideKafka(),
  await provideObjectStore(),
  await providePythonReceiver(),
  await provideSyslogNg(),
];
const missingOf = (provided: object): string | null =>
  'missing' in provided ? String(provided.missing) : null;

/** Why each kind of receiver cannot be had, or null. */
export const missing = {
  kafka: missingOf(kafka),
  s3: missingOf(store),
  python: missingOf(python),
  rsyslog: missingRsyslog(),
  syslogNg: missingOf(syslogNg),
} as const;
/** Why not all of them can be had together, or null. */
export const missingPeers: string | null = Object.values(missing).find((reason) => reason !== null) ?? null;

/** Topic, and the largest batch that it takes, bytes. */
export const topic = 'audit-trail';
const maxMessageBytes = 400_000;
/** Bucket under object lock. */
export const bucket = 'trail';

type Parts<Server> = { readonly server: Server; readonly peer: SinkPeer };

/** A broker with a topic of three partitions. */
export async function startKafkaPeer(): Promise<Parts<KafkaBroker>> {
  const server = await createKafkaBroker('folder' in kafka ? kafka.folder : '');
  await server.start();
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [server.bootstrap] });
  const configs = [{ name: 'max.message.bytes', value: String(maxMessageBytes) }];
  await admin.createTopics({ topics: [topic], partitions: 3, replicas: 1, configs });
  await admin.close();
  const configuration: ConfigurationOf<'kafka'> = {
    kind: 'kafka',
    brokers: [server.bootstrap],
    topic,
    format: 'native',
    tls: false,
  };
  return {
    server,
    peer: peerOf({ configuration, secrets: {} }, server, (logId) => readTopic(server, logId)),
  };
}

/** Every record of a log from the beginning, by a client that has nothing to do with the sink. */
async function readTopic({ bootstrap }: KafkaBroker, logId: string): Promise<readonly HeldEvent[]> {
  const consumer = new Consumer({
    clientId: 'reader',
    groupId: `reader-${randomBytes(6).toString('hex')}`,
    bootstrapBrokers: [bootstrap],
    deserializers: stringDeserializers,
  });
  try {
    const ends = await consumer.listOffsets({ topics: [topic], timestamp: ListOffsetTimestamps.LATEST });
    let left = (ends.get(topic) ?? []).reduce((sum, end) => sum + Number(end), 0);
    if (left === 0) return [];
    const held: HeldEvent[] = [];
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false });
    for await (const { key, value } of stream) {
      if (key === logId) held.push(JSON.parse(value) as HeldEvent); // our own form
      if ((left -= 1) <= 0) break;
    }
    await stream.close();
    return held;
  } finally {
    await consumer.close(true);
  }
}

/** A client of the bucket's owner. */
export const ownerOf = ({ url, accessKeyId, secretAccessKey }: ObjectStore): S3Client =>
  new S3Client({
    endpoint: url,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey },
  });

/** A gateway with a bucket under object lock. */
export async function startS3Peer(): Promise<
  Parts<ObjectStore> & { readonly configuration: ConfigurationOf<'s3'>; readonly secrets: SinkSecrets }
> {
  const server = await createObjectStore('program' in store ? store.program : '');
  await server.start();
  const create = new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: true });
  await ownerOf(server).send(create);
  const configuration: ConfigurationOf<'s3'> = {
    kind: 's3',
    endpoint: server.url,
    region: 'us-east-1',
    bucket,
    prefix: 'gatehouse/',
    format: 'native',
    lockMode: 'COMPLIANCE',
    retainDays: 1,
    pathStyle: true,
  };
  const secrets = { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey };
  const peer = peerOf({ configuration, secrets }, server, (logId) => readBucket(server, logId));
  return { server, peer, configuration, secrets };
}

/** Every event below a log's prefix, in the lexical order of the names. */
async function readBucket(server: ObjectStore, logId: string): Promise<readonly HeldEvent[]> {
  const client = ownerOf(server);
  const { Contents: objects = [] } = await client.send(
    new ListObjectsV2Command({ Bucket: bucket, Prefix: `gatehouse/${logId}/` }),
  );
  const held: HeldEvent[] = [];
  for (const { Key } of objects) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }));
    const text = gunzipSync((await Body?.transformToByteArray()) ?? Buffer.alloc(0)).toString('utf8');
    const lines = text.trimEnd().split('\n');
    held.push(...lines.map((line) => JSON.parse(line) as HeldEvent)); // our own form
  }
  return held;
}

/** How an HTTP receiver is named in a sink. */
export type SinkOfReceiver = (receiver: PythonReceiver, signingSecret: string) => SinkPeer['sink'];
/** A webhook whose deliveries the library of Standard Webhooks reads. */
export const webhookOf: SinkOfReceiver = ({ url }, signingSecret) => ({
  configuration: { kind: 'webhook', url: `${url}/in`, format: 'native' },
  secrets: { signingSecret },
});
/** OTLP logs that OpenTelemetry's definitions decode. */
export const otlpOf: SinkOfReceiver = ({ url }) => ({
  configuration: { kind: 'otlp', url: `${url}/v1/logs` },
  secrets: {},
});

/** A receiver in Python. */
export async function startPythonPeer(sinkOf: SinkOfReceiver): Promise<Parts<PythonReceiver>> {
  const signingSecret = `whsec_${randomBytes(32).toString('base64')}`;
  const server = await createPythonReceiver('program' in python ? python.program : '', signingSecret);
  await server.start();
  type Kept = { readonly event: HeldEvent & { readonly log: { readonly id: string } } };
  const read = async (logId: string): Promise<readonly HeldEvent[]> =>
    (await server.kept<Kept>()).flatMap(({ event }) => (event.log.id === logId ? [event] : []));
  return { server, peer: peerOf(sinkOf(server, signingSecret), server, read) };
}

/** A syslog receiver with what its clients need. */
export type SyslogPeer = Parts<SyslogServer> & {
  readonly configuration: ConfigurationOf<'syslog'>;
  readonly secrets: SinkSecrets;
  /** Signed by an authority that the receiver does not know. */
  readonly stranger: TestCertificate;
};
/** Makes a syslog receiver. */
export type CreateSyslog = (at: SyslogPlace) => Promise<SyslogServer>;
/** The two, by name. */
export const syslogServers: Readonly<Record<'rsyslog' | 'syslogNg', CreateSyslog>> = {
  rsyslog: createRsyslog,
  syslogNg: (at) => createSyslogNg('home' in syslogNg ? syslogNg.home : '', at),
};

/** Starts one with certificates of its own. */
export async function startSyslogPeer(create: CreateSyslog): Promise<SyslogPeer> {
  const folder = await mkdtemp(join(tmpdir(), `${testFolderPrefix}syslog-`));
  const authority = await createAuthority(folder, 'authority');
  const certificate = await issueCertificate(folder, 'receiver', authority);
  const client = await issueCertificate(folder, 'gatehouse', authority);
  const strangers = await createAuthority(folder, 'other-authority');
  const stranger = await issueCertificate(folder, 'stranger', strangers);
  const port = await freePort();
  const server = await create({ folder, port, authority, certificate });
  await server.start();
  const configuration: ConfigurationOf<'syslog'> = {
    kind: 'syslog',
    host: '127.0.0.1',
    port,
    format: 'native',
    enterpriseNumber: 32_473,
    maxMessageBytes: 131_072,
    caPem: authority.cert,
    clientCertificatePem: client.cert,
  };
  const secrets = { clientKeyPem: client.key };
  const read = async (logId: string): Promise<readonly HeldEvent[]> =>
    (await server.lines()).flatMap(({ msg }) => {
      const event = JSON.parse(msg.replace(/^\s*\ufeff?/, '')) as HeldEvent & { log: { id: string } }; // our own form
      return event.log.id === logId ? [event] : [];
    });
  return { server, configuration, secrets, stranger, peer: peerOf({ configuration, secrets }, server, read) };
}

type Startable = Pick<SinkPeer, 'start' | 'stop'> & { readonly remove: () => Promise<void> };
const peerOf = (sink: SinkPeer['sink'], server: Startable, read: SinkPeer['read']): SinkPeer => ({
  sink,
  read,
  start: server.start,
  stop: server.stop,
  dispose: server.remove,
});

/** One of every kind. */
export async function startPeers(): Promise<readonly SinkPeer[]> {
  const started = [
    await startKafkaPeer(),
    await startS3Peer(),
    await startPythonPeer(webhookOf),
    await startPythonPeer(otlpOf),
    await startSyslogPeer(syslogServers.rsyslog),
    await startSyslogPeer(syslogServers.syslogNg),
  ];
  return started.map(({ peer }) => peer);
}
