import { expect, test } from '@jest/globals';
import { toCloudEvent } from './cloud-event.ts';
import { createTrailEvent, place } from './sink-fixture.ts';

const text = (pattern: RegExp) => (value: unknown) => typeof value === 'string' && pattern.test(value);
/** RFC 3339 section 5.6, and the reference of RFC 3986 as far as its characters go. */
const time = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;
const reference = /^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/;

/** The rules of CloudEvents 1.0.2: its attributes (spec section 3) and its JSON form (json-format section 3). */
const required = ['specversion', 'id', 'source', 'type'];
const rules: Readonly<Record<string, (value: unknown) => boolean>> = {
  specversion: (value) => value === '1.0',
  id: text(/./),
  source: text(reference),
  type: text(/./),
  datacontenttype: text(/^[a-z]+\/[a-z0-9.+-]+$/),
  subject: text(/./),
  time: text(time),
  traceparent: text(/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/),
  data: () => true,
};
// Names of attributes are lower-case letters and digits; values of extensions are plain.
const isCloudEvent = (event: Readonly<Record<string, unknown>>): boolean =>
  required.every((name) => name in event) &&
  Object.entries(event).every(
    ([name, value]) =>
      /^[a-z0-9]{1,20}$/.test(name) &&
      (rules[name] ?? ((plain) => ['string', 'number', 'boolean'].includes(typeof plain)))(value),
  );

test('an event follows the rules of CloudEvents 1.0', () => {
  const event = toCloudEvent(createTrailEvent(), place, { any: 'data' });
  expect(isCloudEvent(event)).toBe(true);
  expect(event).toEqual({
    specversion: '1.0',
    id: '0190a0a0-0000-7000-8000-000000000002',
    source: 'https://gatehouse.example/log/ab12',
    type: 'gatehouse.contacts.contact_read.v1',
    subject: 'contacts.contact/c-1',
    time: '2026-11-23T10:00:00.000Z',
    datacontenttype: 'application/json',
    sequence: '0000000000000041',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    data: { any: 'data' },
  });
});

test('what is not there is absent, never null', () => {
  const event = toCloudEvent(createTrailEvent({ targets: [], traceparent: null }), place, {});
  expect(isCloudEvent(event)).toBe(true);
  expect(event).not.toHaveProperty('subject');
  expect(event).not.toHaveProperty('traceparent');
});

test('sequence sorts as text in the order of the log, to the largest number', () => {
  const sequence = (seq: number): unknown => toCloudEvent(createTrailEvent({ seq }), place, {})['sequence'];
  const seqs = [0, 9, 10, 99, 100, 1_000_000, Number.MAX_SAFE_INTEGER];
  expect(seqs.map(sequence).toSorted()).toEqual(seqs.map(sequence));
});

test('the rules refuse what breaks them', () => {
  const event = toCloudEvent(createTrailEvent(), place, {});
  expect(isCloudEvent({ ...event, subject: null })).toBe(false);
  expect(isCloudEvent({ ...event, time: 'yesterday' })).toBe(false);
  expect(isCloudEvent({ ...event, trace_parent: 'x' })).toBe(false);
});
