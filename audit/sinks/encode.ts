import { canonicalJson } from '../canonical-json.ts';
import { sha256 } from '../hash.ts';
import type { ToOcsf } from '../ocsf/to-ocsf.ts';
import type { TrailEvent } from '../trail-view.ts';
import { toCef } from './cef.ts';
import { toCloudEvent } from './cloud-event.ts';
import type { Encoded, SinkPlace } from './transport.ts';

/** The forms in which an event can leave. */
export type SinkFormat = 'native' | 'ocsf' | 'cloudevents' | 'cef';
/** Writes one event as text. */
export type Encoder = (event: TrailEvent, place: SinkPlace) => string;

/** @param toOcsf - the mapping of this house */
export function createEncoder(format: SinkFormat, toOcsf: ToOcsf): Encoder {
  switch (format) {
    case 'native':
      return (event, place) => JSON.stringify(nativeOf(event, place));
    case 'ocsf':
      return (event, place) => JSON.stringify(toOcsf(event, place));
    case 'cloudevents':
      return (event, place) => JSON.stringify(toCloudEvent(event, place, nativeOf(event, place)));
    case 'cef':
      return toCef;
  }
}

/** Our own form: the event as the API shows it, with its log, without the bytes that only proofs need. */
export function nativeOf(event: TrailEvent, place: SinkPlace): Readonly<Record<string, unknown>> {
  const { canonical: _canonical, commitments: _commitments, ...shown } = event;
  return { log: { origin: place.logName, id: place.logId, tenantId: place.tenantId }, ...shown };
}

/**
 * Encodes an event so that it fits: one that is too large leaves its detail behind and names the digest of it.
 *
 * @param maxBytes - of the UTF-8 text
 */
export function encodeWithin(
  encode: Encoder,
  event: TrailEvent,
  place: SinkPlace,
  maxBytes: number,
): Encoded {
  const text = encode(event, place);
  if (Buffer.byteLength(text) <= maxBytes) return { seq: event.seq, event, text };
  const digest = sha256(Buffer.from(canonicalJson(event.detail ?? null), 'utf8')).toString('hex');
  const smaller = { ...event, detail: { omitted: 'too large for this receiver', sha256: digest } };
  const short = encode(smaller, place);
  if (Buffer.byteLength(short) <= maxBytes) return { seq: event.seq, event: smaller, text: short };
  const least = { ...smaller, targets: event.targets.slice(0, 5), subjects: event.subjects.slice(0, 5) };
  return { seq: event.seq, event: least, text: encode(least, place) };
}
