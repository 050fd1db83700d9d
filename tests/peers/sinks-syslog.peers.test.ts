import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { createTransport } from '../../audit/sinks/create-transport.ts';
import type { ConfigurationOf, SinkSecrets } from '../../audit/sinks/configuration.ts';
import { createTrailEvent, place } from '../../audit/sinks/sink-fixture.ts';
import { freePort } from '../../db/index.ts';
import { systemClock } from '../../kernel/index.ts';
import { testFolderPrefix } from '../support/leftovers.ts';
import { createRsyslog, missingRsyslog, type SyslogPlace, type SyslogServer } from '../support/rsyslog.ts';
import { describeUnless } from '../support/skip.ts';
import { createSyslogNg, provideSyslogNg } from '../support/syslog-ng.ts';
import { createAuthority, issueCertificate, type TestCertificate } from '../support/test-certificates.ts';
import { describeSinkPeer, eventually, type HeldEvent, type SinkPeer } from './sink-contract.ts';

const syslogNg = await provideSyslogNg();
const servers = [
  ['rsyslog', missingRsyslog(), createRsyslog],
  [
    'syslog-ng',
    'missing' in syslogNg ? syslogNg.missing : null,
    (at: SyslogPlace) => createSyslogNg('home' in syslogNg ? syslogNg.home : '', at),
  ],
] as const;

type Made = {
  readonly server: SyslogServer;
  readonly configuration: ConfigurationOf<'syslog'>;
  readonly secrets: SinkSecrets;
  readonly stranger: TestCertificate;
};

async function make(create: (at: SyslogPlace) => Promise<SyslogServer>): Promise<Made> {
  const folder = await mkdtemp(join(tmpdir(), `${testFolderPrefix}syslog-`));
  const authority = await createAuthority(folder, 'authority');
  const certificate = await issueCertificate(folder, 'receiver', authority);
  const client = await issueCertificate(folder, 'gatehouse', authority);
  const stranger = await issueCertificate(
    folder,
    'stranger',
    await createAuthority(folder, 'other-authority'),
  );
  const port = await freePort();
  const server = await create({ folder, port, authority, certificate });
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
  return { server, configuration, secrets: { clientKeyPem: client.key }, stranger };
}

const read = async (server: SyslogServer, logId: string): Promise<readonly HeldEvent[]> =>
  (await server.lines()).flatMap(({ msg }) => {
    const event = JSON.parse(msg.replace(/^\s*\ufeff?/, '')) as HeldEvent & { log: { id: string } }; // our own form
    return event.log.id === logId ? [event] : [];
  });

for (const [name, missing, create] of servers)
  describeUnless(missing, name, () => {
    describeSinkPeer(async (): Promise<SinkPeer> => {
      const { server, configuration, secrets } = await make(create);
      return {
        sink: { configuration, secrets },
        read: (logId) => read(server, logId),
        start: server.start,
        stop: server.stop,
        dispose: server.remove,
      };
    });

    test('reads header, structured data and text as they were written', async () => {
      const { server, configuration, secrets } = await make(create);
      try {
        await server.start();
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
      const { server, configuration, stranger } = await make(create);
      try {
        await server.start();
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
      const { server, configuration, secrets, stranger } = await make(create);
      try {
        await server.start();
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
