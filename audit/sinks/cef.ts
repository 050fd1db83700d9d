import { isIPv6 } from 'node:net';
import type { TrailEvent } from '../trail-view.ts';
import type { SinkPlace } from './transport.ts';

const severities = { success: 3, failure: 5, denied: 7 } as const;

/** In the header `\` and `|` are escaped, and a line end would end the event. */
const header = (text: string): string =>
  text.replaceAll(/[\\|]/g, (special) => `\\${special}`).replaceAll(/[\r\n]+/g, ' ');
/** In a value `\`, `=` and line ends are escaped. */
const value = (text: string): string =>
  text
    .replaceAll(/[\\=]/g, (special) => `\\${special}`)
    .replaceAll('\r', '\\r')
    .replaceAll('\n', '\\n');

/**
 * An event in the Common Event Format, version 0.
 *
 * @see ArcSight Common Event Format, implementation standard, version 26
 */
export function toCef(event: TrailEvent, place: SinkPlace): string {
  const head = ['Gatehouse', 'Gatehouse', place.productVersion, event.action, event.summary].map(header);
  const fields = extensionOf(event, place).flatMap(([name, text]) =>
    text === null || text === '' ? [] : [`${name}=${value(text)}`],
  );
  return `CEF:0|${head.join('|')}|${severities[event.outcome]}|${fields.join(' ')}`;
}

const maxAction = 63;

/** Before CEF 1 `src` is an IPv4 address; one of IPv6 has a custom field of its own. */
function sourceOf(ip: string | null): readonly (readonly [string, string | null])[] {
  if (ip === null || !isIPv6(ip)) return [['src', ip]];
  return [
    ['c6a2Label', 'Source IPv6 Address'],
    ['c6a2', ip],
  ];
}

function extensionOf(event: TrailEvent, place: SinkPlace): readonly (readonly [string, string | null])[] {
  const origin = 'erased' in event.origin ? { ip: null, userAgent: null } : event.origin;
  return [
    ['rt', String(Date.parse(event.receivedAt))],
    ['start', String(Date.parse(event.occurredAt))],
    ['externalId', event.id],
    ['act', event.action.slice(0, maxAction)],
    ['cat', event.category],
    ['outcome', event.outcome],
    ['reason', event.reason],
    ['suid', event.actor.id],
    ['suser', event.actor.displayName],
    ...sourceOf(origin.ip),
    ['requestClientApplication', origin.userAgent],
    ['cn1Label', 'seq'],
    ['cn1', String(event.seq)],
    ['cs1Label', 'log'],
    ['cs1', place.logName],
    ['cs2Label', 'targets'],
    ['cs2', event.targets.map(({ type, id }) => `${type}/${id}`).join(' ')],
    ['cs3Label', 'subjects'],
    ['cs3', event.subjects.join(' ')],
    ['cs4Label', 'requestId'],
    ['cs4', event.requestId],
    ['cs5Label', 'leafHash'],
    ['cs5', event.leafHash],
    ['cs6Label', 'detail'],
    ['cs6', JSON.stringify(event.detail ?? null)],
  ];
}
