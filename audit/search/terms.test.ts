import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { LeafBody } from '../leaf.ts';
import { termQuery, termsOf, wordsOf } from './terms.ts';

const body = {
  v: 1,
  id: 'e',
  occurredAt: '',
  receivedAt: '',
  action: 'contacts.contact_read',
  version: 1,
  category: 'data',
  outcome: 'denied',
  reason: 'no_rule',
  actor: { type: 'user', id: 'U-1', session: 'S-9' },
  requestId: 'Req-7',
  traceparent: '00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01',
  targets: [{ type: 'contacts.contact', id: 'C-3' }],
  subjects: ['0190a0a0-0000-7000-8000-000000000003'],
} as unknown as LeafBody; // as a leaf reads back

describe('the terms of an event', () => {
  test('hold its typed values whole and its words', () => {
    expect(termsOf(body, { note: 'Looked at Invoice 4711' })).toEqual(
      expect.arrayContaining([
        'session:s-9',
        'trace:0af7651916cd43dd8448eb211c80319c',
        'request:req-7',
        'target:contacts.contact/c-3',
        'target:c-3',
        'category:data',
        'w:contact',
        'w:contacts.contact_read',
        'w:no_rule',
        'w:invoice',
        'w:4711',
      ]),
    );
  });

  test('are bounded, whatever a detail holds', () => {
    const huge = Array.from({ length: 5_000 }, (_, at) => `word${at} ${'x'.repeat(500)}`);
    const terms = termsOf(body, { huge });
    expect(terms.length).toBeLessThanOrEqual(300);
    expect(Math.max(...terms.map(({ length }) => length))).toBeLessThanOrEqual(220);
  });

  test('a word is found by itself: every part of a text is one of its words', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z0-9]{1,12}$/), { minLength: 1, maxLength: 6 }),
        (parts) => {
          const words = wordsOf(parts.join('_'));
          for (const part of parts) expect(words).toContain(part);
        },
      ),
    );
  });

  test('a query is text that PostgreSQL takes as it is, quotes and backslashes included', () => {
    expect(termQuery('0190a0a0-1234-7000-8000-000000000001', [{ term: `w:o'neil\\`, prefix: true }])).toBe(
      `'0190a0a0w:o''neil\\\\':*`,
    );
  });
});
