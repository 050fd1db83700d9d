import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { expect, test } from '@jest/globals';
import { toCloudEvent } from './cloud-event.ts';
import { createTrailEvent, place } from './sink-fixture.ts';

/** The rules of CloudEvents 1.0.2: its attributes (spec section 3) and its JSON form (json-format section 3). */
const rules = {
  type: 'object',
  required: ['specversion', 'id', 'source', 'type'],
  properties: {
    specversion: { const: '1.0' },
    id: { type: 'string', minLength: 1 },
    source: { type: 'string', minLength: 1, format: 'uri-reference' },
    type: { type: 'string', minLength: 1 },
    datacontenttype: { type: 'string', minLength: 1, pattern: '^[a-z]+/[a-z0-9.+-]+' },
    dataschema: { type: 'string', minLength: 1, format: 'uri' },
    subject: { type: 'string', minLength: 1 },
    time: { type: 'string', format: 'date-time' },
    traceparent: { type: 'string', pattern: '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$' },
    sequence: { type: 'string', minLength: 1 },
    data: {},
  },
  // Names of attributes are lower-case letters and digits; values of extensions are plain.
  propertyNames: { pattern: '^[a-z0-9]{1,20}$' },
  additionalProperties: { type: ['string', 'number', 'boolean'] },
};
const ajv = new Ajv2020({ strict: false });
formats.default(ajv);
const isCloudEvent = ajv.compile(rules);

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
