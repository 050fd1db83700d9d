import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/index.ts';
import type { SinkConfiguration } from './configuration.ts';
import { createTransport } from './create-transport.ts';
import { createTrailEvent, place } from './sink-fixture.ts';
import { ReceiverAway } from './transport.ts';

const strict = { development: false, allowPrivate: false };
let port = 0;
let connections = 0;
const server = createServer((socket) => {
  connections += 1;
  socket.destroy();
});
beforeAll(async () => {
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  port = (server.address() as { port: number }).port; // it listens on TCP
});
afterAll(() => new Promise<void>((closed) => server.close(() => closed())));

const event = createTrailEvent();
const deliver = (configuration: SinkConfiguration) =>
  createTransport(
    { sinkId: 's', configuration, secrets: { accessKeyId: 'a', secretAccessKey: 'b' }, place },
    { clock: systemClock, rules: strict },
  ).deliver([{ seq: 41, event, text: '{}', fits: true }], AbortSignal.timeout(5_000));

const at = (host: string): readonly SinkConfiguration[] => [
  { kind: 'webhook', url: `https://${host}:${port}/`, format: 'native' },
  { kind: 'otlp', url: `https://${host}:${port}/v1/logs` },
  {
    kind: 'syslog',
    host: host.replaceAll(/[[\]]/g, ''),
    port,
    format: 'native',
    enterpriseNumber: 32_473,
    maxMessageBytes: 8_192,
  },
  {
    kind: 's3',
    endpoint: `https://${host}:${port}`,
    region: 'r',
    bucket: 'trail',
    prefix: '',
    format: 'native',
    lockMode: 'COMPLIANCE',
    retainDays: 1,
    pathStyle: true,
  },
  { kind: 'kafka', brokers: [`${host}:${port}`], topic: 't', format: 'native', tls: true },
];

describe.each(['127.0.0.1', 'localhost', '169.254.169.254'])('a receiver at %s', (host) => {
  test.each(at(host).map((configuration) => [configuration.kind, configuration] as const))(
    'of kind %s is not connected to in production',
    async (_, configuration) => {
      // `port` is known only now.
      const known = JSON.parse(
        JSON.stringify(configuration).replaceAll(/(:|"port":)0\b/g, `$1${port}`),
      ) as SinkConfiguration; // a copy
      await expect(deliver(known)).rejects.toThrow(/leads to an address that is not public/);
      expect(connections).toBe(0);
    },
  );
});

test.each(['[::1]', '[::ffff:127.0.0.1]', '[fd00:ec2::254]', '0x7f.1', '2130706433'])(
  'however the address of this machine or of the metadata is written (%s), it is refused',
  async (host) => {
    await expect(
      deliver({ kind: 'webhook', url: `https://${host}:${port}/`, format: 'native' }),
    ).rejects.toThrow(/leads to an address that is not public/);
    expect(connections).toBe(0);
  },
);

test.each<SinkConfiguration>([
  { kind: 'webhook', url: 'http://8.8.8.8/', format: 'native' },
  { kind: 'otlp', url: 'http://8.8.8.8/v1/logs' },
  {
    kind: 's3',
    endpoint: 'http://8.8.8.8',
    region: 'r',
    bucket: 'trail',
    prefix: '',
    format: 'native',
    lockMode: 'COMPLIANCE',
    retainDays: 1,
    pathStyle: true,
  },
  { kind: 'kafka', brokers: ['8.8.8.8:9092'], topic: 't', format: 'native', tls: false },
])('$kind does not send events in the clear in production', async (configuration) => {
  const refused = deliver(configuration);
  await expect(refused).rejects.toThrow(/over TLS only/);
  await expect(refused).rejects.toBeInstanceOf(ReceiverAway);
});
