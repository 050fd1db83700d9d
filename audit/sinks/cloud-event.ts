import type { TrailEvent } from '../trail-view.ts';
import type { SinkPlace } from './transport.ts';

/**
 * An event in the JSON form of CloudEvents 1.0.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
 */
export function toCloudEvent(
  event: TrailEvent,
  place: SinkPlace,
  data: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const [target] = event.targets;
  return {
    specversion: '1.0',
    id: event.id,
    source: `https://${place.logName}`,
    type: `gatehouse.${event.action}.v${event.version}`,
    time: event.occurredAt,
    ...(target === undefined ? {} : { subject: `${target.type}/${target.id}` }),
    datacontenttype: 'application/json',
    // The extension "sequence" is compared as text, so that numbers have one length.
    sequence: String(event.seq).padStart(16, '0'),
    ...(event.traceparent === null ? {} : { traceparent: event.traceparent }),
    data,
  };
}
