import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createSecretKey } from 'node:crypto';
import { blindIndex } from './blind-index.ts';
import { normaliseForIndex, normaliseForSearch } from './normalise.ts';

const exact = (normaliser: 'email' | 'phone' | 'text') => ({ kind: 'exact', normaliser }) as const;
const domain = { kind: 'domain', normaliser: 'email' } as const;

describe('one thing written in two ways has one index value', () => {
  test.each([
    ['email', ' Ada@Example.COM ', 'ada@example.com'],
    ['email', 'ada@bücher.example', 'ada@xn--bcher-kva.example'],
    ['email', 'ada@BÜCHER.example.', 'ada@xn--bcher-kva.example'],
    ['email', 'zoe\u0308@example.com', 'zoë@example.com'],
    ['phone', '+48 600-100-200', '+48600100200'],
    ['phone', '0048 600 100 200', '+48600100200'],
    ['phone', '(+48) 600.100.200', '+48600100200'],
    ['phone', '+４８ 600 100 200', '+48600100200'],
    ['text', ' Straße ', 'strasse'],
    ['text', 'ΟΔΟΣ', 'οδοσ'],
    ['text', 'Łódź', 'łódź'],
  ] as const)('%s %j is %j', (normaliser, written, expected) => {
    expect(normaliseForIndex(exact(normaliser), written)).toBe(expected);
  });

  test('normalising twice changes nothing', () => {
    for (const normaliser of ['email', 'phone', 'text'] as const) {
      fc.assert(
        fc.property(fc.string({ unit: 'grapheme' }), (value) => {
          const once = normaliseForIndex(exact(normaliser), value);
          if (once !== null) expect(normaliseForIndex(exact(normaliser), once)).toBe(once);
        }),
      );
    }
  });
});

test('a domain term is found by address, by @domain and by domain, and is absent without one', () => {
  expect(normaliseForIndex(domain, 'Ada@Example.com')).toBe('example.com');
  for (const search of ['example.com', '@EXAMPLE.com', 'bob@example.com'])
    expect(normaliseForSearch(domain, search)).toBe('example.com');
  for (const none of ['', 'ada', 'ada@']) expect(normaliseForIndex(domain, none)).toBeNull();
  expect(normaliseForIndex(exact('phone'), 'none')).toBeNull();
});

test('an index value is cut to its bits, and the bits beyond are zero', () => {
  const key = createSecretKey(Buffer.alloc(32, 1));
  const whole = blindIndex(key, 'x', 256);
  for (let bits = 8; bits <= 256; bits += 1) {
    const cut = blindIndex(key, 'x', bits);
    expect(cut.length).toBe(Math.ceil(bits / 8));
    const beyond = cut.length * 8 - bits;
    expect((BigInt(`0x${cut.toString('hex')}`) >> BigInt(beyond)).toString()).toBe(
      (BigInt(`0x${whole.toString('hex')}`) >> BigInt(256 - bits)).toString(),
    );
    expect((cut.at(-1) ?? 0) & ((1 << beyond) - 1)).toBe(0);
  }
});
