import { expect, test } from '@jest/globals';
import { createTransport } from '../../audit/sinks/create-transport.ts';
import { createTrailEvent, place } from '../../audit/sinks/sink-fixture.ts';
import { systemClock } from '../../kernel/index.ts';
import { describeUnless } from '../support/skip.ts';
import { describeSinkPeer, eventually } from './sink-contract.ts';
import { missing, startSyslogPeer, syslogServers } from './sink-peers.ts';

for (const name of ['rsyslog', 'syslogNg'] as const)
  describeUnless(missing[name], name, () => {
    const make = () => startSyslogPeer(syslogServers[name]);
    describeSinkPeer(async () => (await make()).peer);

    test('reads header, structured data and text as they were written', async () => {
      const { server, configuration, secrets } = await make();
      try {
        const transport = createTransport(
          { sinkId: 's', configuration, secrets, place },
          { clock: systemClock, rules: { development: true, allowPrivate: true } },
        );
        const event = createTrailEvent({ leafHash: 'a"b\\c]d', outcome: 'denied' });
        const text = '{"note":"zażółć\\n𝒳","pad":"]"}';
        await transport.deliver([{ seq: 41, event, text, fits: true }], AbortSignal.timeout(10_000));
        await eventually(async () => expect(await server.lines()).toHaveLength(1));
        const [line] = await server.lines();
        expect(line).toMatchObject({
          hostname: 'gatehouse.example',
          appName: 'gatehouse',
          msgId: 'contacts.contact_read',
        });
        expect(line?.pri).toMatch(/^(108|logaudit\.warning)$/);
        expect(line?.structured).toContain('[gatehouse@32473 ');
        expect(line?.structured).toContain(String.raw`leaf="a\"b\\c\]d"`);
        expect(line?.msg.replace(/^\s*\ufeff?/, '')).toBe(text);
      } finally {
        await server.remove();
      }
    });

    test('turns away a client that it does not know, and nothing counts as delivered', async () => {
      const { server, configuration, stranger } = await make();
      try {
        const { clientCertificatePem: _known, ...anonymous } = configuration;
        const event = createTrailEvent();
        for (const [unknown, secrets] of [
          [{ ...configuration, clientCertificatePem: stranger.cert }, { clientKeyPem: stranger.key }],
          [anonymous, {}],
        ] as const) {
          const transport = createTransport(
            { sinkId: 's', configuration: unknown, secrets, place },
            { clock: systemClock, rules: { development: true, allowPrivate: true } },
          );
          for (let round = 0; round < 5; round += 1)
            await expect(
              transport.deliver([{ seq: 41, event, text: '{}', fits: true }], AbortSignal.timeout(10_000)),
            ).rejects.toThrow(/connection broke|did not answer/);
        }
        expect(await server.lines()).toEqual([]);
      } finally {
        await server.remove();
      }
    });

    test('is not believed when another authority signed its certificate', async () => {
      const { server, configuration, secrets, stranger } = await make();
      try {
        const transport = createTransport(
          { sinkId: 's', configuration: { ...configuration, caPem: stranger.cert }, secrets, place },
          { clock: systemClock, rules: { development: true, allowPrivate: true } },
        );
        const event = createTrailEvent();
        await expect(
          transport.deliver([{ seq: 41, event, text: '{}', fits: true }], AbortSignal.timeout(10_000)),
        ).rejects.toThrow(/did not answer/);
      } finally {
        await server.remove();
      }
    });
  });
