import type { TrailEvent } from '../trail-view.ts';
import type { Encoded, SinkPlace } from './transport.ts';

/** Facility 13, "log audit" (RFC 5424 section 6.2.1). */
const facility = 13;
const severities = { success: 6, failure: 4, denied: 4 } as const;
const maxMessageId = 32;

/** A parameter value escapes `"`, `\` and `]` (RFC 5424 section 6.3.3). */
const parameter = (text: string): string => text.replaceAll(/["\\\]]/g, (special) => `\\${special}`);
/** Header fields are printable US-ASCII without spaces. */
const printable = (text: string, maxLength: number): string =>
  text.replaceAll(/[^\x21-\x7e]/g, '_').slice(0, maxLength) || '-';

/** A message of RFC 5424: header, structured data, byte-order mark, text. */
export function syslogMessage({ event, text }: Encoded, place: SinkPlace, enterpriseNumber: number): string {
  const priority = facility * 8 + severities[event.outcome];
  const hostName = printable(place.logName.split('/')[0] ?? '', 255);
  const head = `<${priority}>1 ${event.receivedAt} ${hostName} gatehouse - ${printable(event.action, maxMessageId)}`;
  return `${head} ${structuredData(event, place, enterpriseNumber)} \uFEFF${text}`;
}

function structuredData(event: TrailEvent, place: SinkPlace, enterpriseNumber: number): string {
  const parameters = {
    seq: String(event.seq),
    id: event.id,
    log: place.logName,
    action: event.action,
    outcome: event.outcome,
    leaf: event.leafHash,
  };
  const list = Object.entries(parameters).map(([name, text]) => `${name}="${parameter(text)}"`);
  return `[gatehouse@${enterpriseNumber} ${list.join(' ')}]`;
}

/** Octet counting (RFC 5425 section 4.3): the length in bytes, a space, the message. */
export function octetCounted(message: string): Buffer {
  const bytes = Buffer.from(message, 'utf8');
  return Buffer.concat([Buffer.from(`${bytes.length} `, 'ascii'), bytes]);
}
