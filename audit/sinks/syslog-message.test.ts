import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { TrailEvent } from '../trail-view.ts';
import { createTrailEvent, place } from './sink-fixture.ts';
import { octetCounted, syslogMessage } from './syslog-message.ts';

/** The grammar of RFC 5424 section 6, written down as it stands there. */
const printable = (max: number): string => `[\\x21-\\x7e]{1,${max}}`;
const timestamp = '\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(?:\\.\\d{1,6})?(?:Z|[+-]\\d{2}:\\d{2})';
const name = '[\\x21\\x23-\\x3c\\x3e-\\x5c\\x5e-\\x7e]{1,32}';
const parameter = `${name}="(?:[^"\\\\\\]]|\\\\["\\\\\\]])*"`;
const element = `\\[${name}(?: ${parameter})*\\]`;
const grammar = new RegExp(
  `^<(\\d{1,3})>1 (?:-|${timestamp}) ${printable(255)} ${printable(48)} ${printable(128)} (${printable(32)}) (-|(?:${element})+) \\ufeff(.*)$`,
  's',
);

const encoded = (event: TrailEvent, text = '{}') => ({ seq: event.seq, event, text, fits: true });

function read(message: string): {
  readonly priority: number;
  readonly messageId: string;
  readonly data: Readonly<Record<string, string>>;
  readonly text: string;
} {
  const match = grammar.exec(message);
  if (match === null) throw new Error(`not RFC 5424: ${message}`);
  const [, priority, messageId = '', structured = '', text = ''] = match;
  const pairs = [...structured.matchAll(/ ([^ =]+)="((?:[^"\\]|\\.)*)"/gs)].map(([, key, value = '']) => [
    key,
    value.replaceAll(/\\(["\\\]])/g, '$1'),
  ]);
  const data = Object.fromEntries(pairs) as Record<string, string>; // pairs of texts
  return { priority: Number(priority), messageId, data, text };
}

test('a message follows the grammar and carries what a receiver needs to find the event again', () => {
  const message = syslogMessage(encoded(createTrailEvent()), place, 32_473);
  expect(message).toMatch(
    /^<110>1 2026-11-23T10:00:00\.250Z gatehouse\.example gatehouse - contacts\.contact_read \[gatehouse@32473 /,
  );
  expect(read(message)).toEqual({
    priority: 110,
    messageId: 'contacts.contact_read',
    data: {
      seq: '41',
      id: '0190a0a0-0000-7000-8000-000000000002',
      log: 'gatehouse.example/log/ab12',
      action: 'contacts.contact_read',
      outcome: 'success',
      leaf: 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=',
    },
    text: '{}',
  });
});

test('any text comes back through structured data and message, and the grammar holds', () => {
  const any = fc.string({
    unit: fc.constantFrom('a', '"', '\\', ']', '[', ' ', '\n', 'ż', '=', '𝒳'),
    maxLength: 30,
  });
  fc.assert(
    fc.property(any, any, (odd, text) => {
      const message = syslogMessage(
        encoded(createTrailEvent({ leafHash: odd }), text),
        { ...place, logName: `host.example/${odd}` },
        4_294_967_295,
      );
      expect(read(message)).toMatchObject({ data: { leaf: odd, log: `host.example/${odd}` }, text });
    }),
  );
});

test('an action longer than MSGID takes is cut there, and stands whole in the structured data', () => {
  const action = `contacts.${'long_'.repeat(12)}end`;
  const { messageId, data } = read(syslogMessage(encoded(createTrailEvent({ action })), place, 32_473));
  expect(messageId).toBe(action.slice(0, 32));
  expect(data['action']).toBe(action);
});

test('a host name of any characters becomes printable ASCII, an empty one a dash', () => {
  const named = (logName: string): string =>
    syslogMessage(encoded(createTrailEvent()), { ...place, logName }, 32_473).split(' ')[2] ?? '';
  expect(named('zażółć.example/log/a')).toBe('za____.example');
  expect(named('/log/a')).toBe('-');
});

test.each([
  ['success', 110],
  ['failure', 108],
  ['denied', 108],
] as const)('outcome %s has priority %i: facility 13, log audit', (outcome, priority) => {
  expect(read(syslogMessage(encoded(createTrailEvent({ outcome })), place, 1)).priority).toBe(priority);
});

test('a frame counts bytes, not characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 50 }), (text) => {
      const frame = octetCounted(text);
      const space = frame.indexOf(0x20);
      const bytes = frame.subarray(space + 1);
      expect(frame.subarray(0, space).toString('ascii')).toBe(String(bytes.length));
      expect(bytes.toString('utf8')).toBe(Buffer.from(text, 'utf8').toString('utf8'));
    }),
  );
  expect(octetCounted('zażółć').toString('utf8')).toBe('10 zażółć');
});
