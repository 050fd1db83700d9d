import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { defineEvent } from '../../kernel/index.ts';
import { createOcsfValidator } from '../../tests/support/ocsf-schema.ts';
import { testUnless } from '../../tests/support/skip.ts';
import { missingVectors, vectorsFolder } from '../../tests/support/vectors.ts';
import { createToOcsf } from '../ocsf/to-ocsf.ts';
import { createEncoder, encodeWithin, type SinkFormat } from './encode.ts';
import { createTrailEvent, place } from './sink-fixture.ts';

const contactRead = defineEvent({
  action: 'contacts.contact_read',
  version: 1,
  category: 'data',
  summary: 'A contact was read.',
  detail: z.strictObject({ count: z.int() }),
  ocsf: { classUid: 6005, activityId: 1 },
});
const toOcsf = createToOcsf([contactRead]);
const formats: readonly SinkFormat[] = ['native', 'ocsf', 'cloudevents', 'cef'];
const target = { type: 'contacts.contact', id: '0190a0a0-0000-7000-8000-000000000009' };

test.each(formats)('%s: an event is one line, whatever stands in it', (format) => {
  const encode = createEncoder(format, toOcsf);
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (odd) => {
      const event = createTrailEvent({ detail: { note: odd }, reason: odd === '' ? null : odd });
      expect(encode(event, place)).not.toMatch(/[\r\n]/);
    }),
  );
});

test.each(formats)('%s: what is said to fit is never larger than the bound', (format) => {
  const encode = createEncoder(format, toOcsf);
  const sizes = { note: fc.integer({ min: 0, max: 20_000 }), targets: fc.integer({ min: 0, max: 100 }) };
  fc.assert(
    fc.property(fc.record(sizes), fc.integer({ min: 100, max: 20_000 }), (size, maxBytes) => {
      const event = createTrailEvent({
        detail: { note: 'ż'.repeat(size.note) },
        targets: Array.from({ length: size.targets }, () => target),
      });
      const { fits, text } = encodeWithin(encode, event, place, maxBytes);
      expect(fits).toBe(Buffer.byteLength(text) <= maxBytes);
    }),
    { numRuns: 60 },
  );
});

test('an event that fits leaves whole; a larger one leaves the digest of its detail; the largest its first targets', () => {
  const encode = createEncoder('native', toOcsf);
  const small = createTrailEvent();
  expect(encodeWithin(encode, small, place, 4_000)).toMatchObject({ event: small, fits: true });
  const large = createTrailEvent({ detail: { note: 'x'.repeat(5_000) } });
  expect(encodeWithin(encode, large, place, 4_000)).toMatchObject({
    fits: true,
    event: { targets: large.targets, detail: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } },
  });
  const largest = createTrailEvent({ ...large, targets: Array.from({ length: 100 }, () => target) });
  const least = encodeWithin(encode, largest, place, 4_000);
  expect(least.fits).toBe(true);
  expect(least.event.targets).toHaveLength(5);
});

test('our own form says which log an event is of, and leaves out the bytes that only proofs need', () => {
  const native = JSON.parse(createEncoder('native', toOcsf)(createTrailEvent(), place)) as object; // our own JSON
  expect(native).toMatchObject({
    log: { origin: place.logName, id: 'ab12' },
    seq: 41,
    leafHash: expect.any(String),
  });
  expect(native).not.toHaveProperty('canonical');
  expect(native).not.toHaveProperty('commitments');
});

testUnless(missingVectors('ocsf'), 'each line of OCSF NDJSON fits its class in the published schema', () => {
  const validate = createOcsfValidator(readFileSync(join(vectorsFolder, 'ocsf', 'ocsf-1.8.0.json.gz')));
  const encode = createEncoder('ocsf', toOcsf);
  const events = [
    createTrailEvent(),
    createTrailEvent({ outcome: 'denied', reason: 'no_rule' }),
    createTrailEvent({ detail: { note: 'x'.repeat(1_000_000) } }),
    createTrailEvent({ origin: { erased: true, requestId: 'dsr-1' }, traceparent: null, targets: [] }),
  ];
  const lines = events.map((event) => encodeWithin(encode, event, place, 65_536).text);
  for (const line of `${lines.join('\n')}\n`.trimEnd().split('\n'))
    expect(validate(JSON.parse(line) as Record<string, unknown>)).toEqual([]); // an object: our own JSON
});
