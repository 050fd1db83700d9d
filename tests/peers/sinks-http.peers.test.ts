import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { ConfigurationOf } from '../../audit/sinks/configuration.ts';
import { createTransport } from '../../audit/sinks/create-transport.ts';
import { createEncoder } from '../../audit/sinks/encode.ts';
import { createTrailEvent, place } from '../../audit/sinks/sink-fixture.ts';
import { createToOcsf } from '../../audit/index.ts';
import { systemClock } from '../../kernel/index.ts';
import {
  createPythonReceiver,
  providePythonReceiver,
  type PythonReceiver,
} from '../support/python-receiver.ts';
import { describeUnless } from '../support/skip.ts';
import { describeSinkPeer, type HeldEvent, type SinkPeer } from './sink-contract.ts';

const python = await providePythonReceiver();
const missing = 'missing' in python ? python.missing : null;
const program = 'program' in python ? python.program : '';
const secret = `whsec_${randomBytes(32).toString('base64')}`;

type Kept = { readonly event: HeldEvent & { readonly log: { readonly id: string } } };
const read = async (receiver: PythonReceiver, logId: string): Promise<readonly HeldEvent[]> =>
  (await receiver.kept<Kept>()).flatMap(({ event }) => (event.log.id === logId ? [event] : []));

async function make(sinkOf: (receiver: PythonReceiver) => SinkPeer['sink']): Promise<SinkPeer> {
  const receiver = await createPythonReceiver(program, secret);
  return {
    sink: sinkOf(receiver),
    read: (logId) => read(receiver, logId),
    start: receiver.start,
    stop: receiver.stop,
    dispose: receiver.remove,
  };
}
const poisoned = { detail: { count: 1, note: 'poison' } };

describeUnless(missing, 'a webhook read by the library of Standard Webhooks', () => {
  describeSinkPeer(
    () =>
      make(({ url }) => ({
        configuration: { kind: 'webhook', url: `${url}/in`, format: 'native' },
        secrets: { signingSecret: secret },
      })),
    { poison: { event: poisoned, reason: /answered 422: .*poisoned/ } },
  );

  test('that knows another secret does not believe a delivery', async () => {
    const receiver = await createPythonReceiver(program, `whsec_${randomBytes(32).toString('base64')}`);
    try {
      await receiver.start();
      const transport = createTransport(
        {
          sinkId: 's',
          configuration: { kind: 'webhook', url: `${receiver.url}/in`, format: 'native' },
          secrets: { signingSecret: secret },
          place,
        },
        { clock: systemClock, rules: { development: true, allowPrivate: true } },
      );
      const event = createTrailEvent();
      const batch = [{ seq: 41, event, text: '{"seq":41}', fits: true }];
      await expect(transport.deliver(batch, AbortSignal.timeout(10_000))).resolves.toMatchObject({
        kind: 'refused',
        reason: expect.stringContaining('signature'),
      });
    } finally {
      await receiver.remove();
    }
  });
});

// No collector of a third party: what OpenTelemetry publishes as definitions decodes each record, and knows every field.
describeUnless(missing, 'OTLP logs decoded by the protobuf definitions of OpenTelemetry', () => {
  const configurationOf = ({ url }: PythonReceiver): ConfigurationOf<'otlp'> => ({
    kind: 'otlp',
    url: `${url}/v1/logs`,
  });
  describeSinkPeer(() => make((receiver) => ({ configuration: configurationOf(receiver), secrets: {} })), {
    poison: { event: poisoned, reason: /rejected 1 records: poisoned/ },
  });

  test('carry time, severity, trace and what finds the event again', async () => {
    const receiver = await createPythonReceiver(program, secret);
    try {
      await receiver.start();
      const transport = createTransport(
        { sinkId: 's', configuration: configurationOf(receiver), secrets: {}, place },
        { clock: systemClock, rules: { development: true, allowPrivate: true } },
      );
      const event = createTrailEvent({ outcome: 'denied' });
      const text = createEncoder('native', createToOcsf([]))(event, place);
      await expect(
        transport.deliver([{ seq: 41, event, text, fits: true }], AbortSignal.timeout(10_000)),
      ).resolves.toEqual({ kind: 'delivered' });
      const [kept] = await receiver.kept<Record<string, unknown>>();
      expect(kept).toMatchObject({
        resource: {
          'service.name': 'gatehouse',
          'service.version': '1.2.3',
          'gatehouse.log.origin': place.logName,
          'gatehouse.tenant.id': place.tenantId,
        },
        scope: 'gatehouse.audit',
        time: Date.parse(event.occurredAt) * 1e6,
        observed: Date.parse(event.receivedAt) * 1e6,
        severity: 13,
        name: 'contacts.contact_read',
        trace: '0af7651916cd43dd8448eb211c80319c',
        span: 'b7ad6b7169203331',
        flags: 1,
        attributes: { 'event.id': event.id, 'gatehouse.seq': 41, 'gatehouse.outcome': 'denied' },
        event: { seq: 41, action: 'contacts.contact_read' },
      });
    } finally {
      await receiver.remove();
    }
  });
});
