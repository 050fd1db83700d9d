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

const mostInAList = 5;

/**
 * Encodes an event so that it fits: one that is too large leaves its detail behind and names the digest of it, then all
 * but the first of its targets and subjects. One that does not fit even so says so: its receiver will never take it.
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
  const { seq } = event;
  if (Buffer.byteLength(text) <= maxBytes) return { seq, event, text, fits: true };
  const digest = sha256(Buffer.from(canonicalJson(event.detail ?? null), 'utf8')).toString('hex');
  const smaller = { ...event, detail: { omitted: 'too large for this receiver', sha256: digest } };
  const short = encode(smaller, place);
  if (Buffer.byteLength(short) <= maxBytes) return { seq, event: smaller, text: short, fits: true };
  const [targets, subjects] = [event.targets.slice(0, mostInAList), event.subjects.slice(0, mostInAList)];
  const least = { ...smaller, targets, subjects };
  const leastText = encode(least, place);
  return { seq, event: least, text: leastText, fits: Buffer.byteLength(leastText) <= maxBytes };
}
