import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { createTransport } from '../../audit/sinks/create-transport.ts';
import { createEncoder } from '../../audit/sinks/encode.ts';
import { createTrailEvent, place } from '../../audit/sinks/sink-fixture.ts';
import { createToOcsf } from '../../audit/index.ts';
import { systemClock } from '../../kernel/index.ts';
import { describeUnless } from '../support/skip.ts';
import { describeSinkPeer } from './sink-contract.ts';
import { missing, otlpOf, startPythonPeer, webhookOf } from './sink-peers.ts';

const poisoned = { detail: { count: 1, note: 'poison' } };

describeUnless(missing.python, 'a webhook read by the library of Standard Webhooks', () => {
  describeSinkPeer(async () => (await startPythonPeer(webhookOf)).peer, {
    poison: { event: poisoned, reason: /answered 422: .*poisoned/ },
  });

  test('that knows another secret does not believe a delivery', async () => {
    const { server: receiver } = await startPythonPeer(webhookOf);
    const secret = `whsec_${randomBytes(32).toString('base64')}`;
    try {
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
describeUnless(missing.python, 'OTLP logs decoded by the protobuf definitions of OpenTelemetry', () => {
  describeSinkPeer(async () => (await startPythonPeer(otlpOf)).peer, {
    poison: { event: poisoned, reason: /rejected 1 records: poisoned/ },
  });

  test('carry time, severity, trace and what finds the event again', async () => {
    const { server: receiver, peer } = await startPythonPeer(otlpOf);
    try {
      const transport = createTransport(
        { sinkId: 's', ...peer.sink, place },
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
