import { Admin, Consumer, ListOffsetTimestamps, stringDeserializers } from '@platformatic/kafka';
import { expect, test } from '@jest/globals';
import { createTransport } from '../../audit/sinks/create-transport.ts';
import type { ConfigurationOf } from '../../audit/sinks/configuration.ts';
import { createTrailEvent, place } from '../../audit/sinks/sink-fixture.ts';
import { systemClock } from '../../kernel/index.ts';
import { createKafkaBroker, provideKafka, type KafkaBroker } from '../support/kafka-broker.ts';
import { describeUnless } from '../support/skip.ts';
import { describeSinkPeer, type HeldEvent, type SinkPeer } from './sink-contract.ts';

const kafka = await provideKafka();
const missing = 'missing' in kafka ? kafka.missing : null;
const topic = 'audit-trail';
/** Largest batch of records that the topic takes, bytes. */
const maxMessageBytes = 400_000;

describeUnless(missing, 'Kafka', () => {
  let broker: KafkaBroker;
  const configurationOf = (changes: Partial<ConfigurationOf<'kafka'>> = {}): ConfigurationOf<'kafka'> => ({
    kind: 'kafka',
    brokers: [broker.bootstrap],
    topic,
    format: 'native',
    tls: false,
    ...changes,
  });

  describeSinkPeer(
    async (): Promise<SinkPeer> => {
      broker = await createKafkaBroker('folder' in kafka ? kafka.folder : '');
      await broker.start();
      await createTopic(broker);
      return {
        sink: { configuration: configurationOf(), secrets: {} },
        read: (logId) => read(broker, logId),
        start: broker.start,
        stop: broker.stop,
        dispose: broker.remove,
      };
    },
    {
      poison: {
        event: { detail: { count: 1, note: 'z'.repeat(500_000) } },
        reason: /MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE/,
      },
    },
  );

  test('that is away is away, and a topic that does not exist drops nothing', async () => {
    const transport = createTransport(
      { sinkId: 's', configuration: configurationOf({ topic: 'no-such-topic' }), secrets: {}, place },
      { clock: systemClock, rules: { development: true, allowPrivate: true } },
    );
    const event = createTrailEvent();
    await expect(
      transport.deliver([{ seq: 41, event, text: '{}', fits: true }], AbortSignal.timeout(10_000)),
    ).rejects.toThrow(/cluster did not take the events/);
    await transport.close();
  });
});

async function createTopic({ bootstrap }: KafkaBroker): Promise<void> {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [bootstrap] });
  try {
    await admin.createTopics({
      topics: [topic],
      partitions: 3,
      replicas: 1,
      configs: [{ name: 'max.message.bytes', value: String(maxMessageBytes) }],
    });
  } finally {
    await admin.close();
  }
}

/** Every record of a log from the beginning, by a client that has nothing to do with the sink. */
async function read({ bootstrap }: KafkaBroker, logId: string): Promise<readonly HeldEvent[]> {
  const consumer = new Consumer({
    clientId: 'reader',
    groupId: `reader-${Math.random()}`,
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
