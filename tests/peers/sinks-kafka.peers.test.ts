import { expect, test } from '@jest/globals';
import { createTransport } from '../../audit/sinks/create-transport.ts';
import { createTrailEvent, place } from '../../audit/sinks/sink-fixture.ts';
import { systemClock } from '../../kernel/index.ts';
import { describeUnless } from '../support/skip.ts';
import { describeSinkPeer } from './sink-contract.ts';
import { missing, startKafkaPeer } from './sink-peers.ts';

describeUnless(missing.kafka, 'Kafka', () => {
  let bootstrap = '';

  describeSinkPeer(
    async () => {
      const { server, peer } = await startKafkaPeer();
      bootstrap = server.bootstrap;
      return peer;
    },
    {
      poison: {
        event: { detail: { count: 1, note: 'z'.repeat(500_000) } },
        reason: /MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE/,
      },
    },
  );

  test('that has no such topic drops nothing', async () => {
    const transport = createTransport(
      {
        sinkId: 's',
        configuration: {
          kind: 'kafka',
          brokers: [bootstrap],
          topic: 'no-such-topic',
          format: 'native',
          tls: false,
        },
        secrets: {},
        place,
      },
      { clock: systemClock, rules: { development: true, allowPrivate: true } },
    );
    const event = createTrailEvent();
    await expect(
      transport.deliver([{ seq: 41, event, text: '{}', fits: true }], AbortSignal.timeout(10_000)),
    ).rejects.toThrow(/cluster did not take the events/);
    await transport.close();
  });
});
