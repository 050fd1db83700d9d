import { z } from 'zod';
import type { Clock } from '../../kernel/index.ts';
import type { TrailEvent } from '../trail-view.ts';
import type { ConfigurationOf, SinkSecrets } from './configuration.ts';
import { deliveryOf } from './http-answer.ts';
import type { OutboundRequest } from './outbound-request.ts';
import type { Delivery, Encoded, SinkPlace, Transport } from './transport.ts';

/** What a collector is reached with. */
export type OtlpParts = {
  readonly configuration: ConfigurationOf<'otlp'>;
  readonly secrets: SinkSecrets;
  readonly place: SinkPlace;
  readonly clock: Clock;
  readonly request: OutboundRequest;
};

/** Severity numbers of the log data model. */
const severities = {
  success: { number: 9, text: 'INFO' },
  failure: { number: 17, text: 'ERROR' },
  denied: { number: 13, text: 'WARN' },
} as const;
const partial = z.object({
  partialSuccess: z
    .object({ rejectedLogRecords: z.coerce.number().optional(), errorMessage: z.string().optional() })
    .nullish(),
});
const traceparentForm = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** OTLP/HTTP in JSON. @see https://opentelemetry.io/docs/specs/otlp/#otlphttp */
export function createOtlp({ configuration, secrets, place, clock, request }: OtlpParts): Transport {
  return Object.freeze({
    deliver: async (batch: readonly Encoded[], signal: AbortSignal) => {
      const answer = await request({
        url: configuration.url,
        headers: {
          'content-type': 'application/json',
          ...(secrets.authorization === undefined ? {} : { authorization: secrets.authorization }),
        },
        body: Buffer.from(JSON.stringify(logsRequest(batch, place)), 'utf8'),
        signal,
        ...(configuration.caPem === undefined ? {} : { caPem: configuration.caPem }),
      });
      const delivery = deliveryOf(answer, clock.now());
      return delivery.kind === 'delivered' ? partialOf(answer.body) : delivery;
    },
    close: () => Promise.resolve(),
  });
}

/** A success may still say that records were rejected. */
function partialOf(body: string): Delivery {
  const { partialSuccess } = body.trim() === '' ? {} : parsePartial(body);
  const rejected = partialSuccess?.rejectedLogRecords ?? 0;
  if (rejected === 0) return { kind: 'delivered' };
  const reason = partialSuccess?.errorMessage ?? 'without saying why';
  return { kind: 'refused', reason: `the collector rejected ${rejected} records: ${reason.slice(0, 200)}` };
}

function parsePartial(body: string): z.output<typeof partial> {
  try {
    return partial.parse(JSON.parse(body));
  } catch {
    return {}; // a 2xx is a success whatever stands in it
  }
}

function logsRequest(batch: readonly Encoded[], place: SinkPlace): unknown {
  const resource = {
    attributes: attributes({
      'service.name': 'gatehouse',
      'service.version': place.productVersion,
      'gatehouse.tenant.id': place.tenantId,
      'gatehouse.log.origin': place.logName,
    }),
  };
  const logRecords = batch.map(({ event, text }) => logRecord(event, text));
  return { resourceLogs: [{ resource, scopeLogs: [{ scope: { name: 'gatehouse.audit' }, logRecords }] }] };
}

function logRecord(event: TrailEvent, text: string): unknown {
  const { number, text: severityText } = severities[event.outcome];
  const trace = event.traceparent === null ? null : traceparentForm.exec(event.traceparent);
  return {
    timeUnixNano: nanoseconds(event.occurredAt),
    observedTimeUnixNano: nanoseconds(event.receivedAt),
    severityNumber: number,
    severityText,
    eventName: event.action,
    body: { stringValue: text },
    attributes: attributes({
      'event.id': event.id,
      'gatehouse.seq': event.seq,
      'gatehouse.outcome': event.outcome,
      'gatehouse.category': event.category,
      'user.id': event.actor.id,
      'gatehouse.leaf_hash': event.leafHash,
    }),
    ...(trace === null
      ? {}
      : { traceId: trace[1], spanId: trace[2], flags: Number.parseInt(trace[3] ?? '0', 16) }),
  };
}

const nanoseconds = (time: string): string => `${Date.parse(time)}000000`;

function attributes(values: Readonly<Record<string, string | number>>): readonly unknown[] {
  return Object.entries(values).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
  }));
}
