import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { assess, expectedFalseMatches } from './assess.ts';

const many = (count: number, of: (at: number) => string): string[] =>
  Array.from({ length: count }, (_, at) => of(at));

test('a column of different values is safe, one of few values or with a common one is not', () => {
  expect(
    assess(
      'exact',
      many(500, (at) => `p${at}`),
      10_000,
    ).verdict,
  ).toBe('safe');
  expect(
    assess(
      'exact',
      many(500, (at) => `country ${at % 27}`),
      10_000,
    ).verdict,
  ).toBe('low_cardinality');
  expect(
    assess(
      'exact',
      many(500, (at) => (at % 5 === 0 ? 'PL' : `p${at}`)),
      10_000,
    ).verdict,
  ).toBe('skewed');
  expect(
    assess(
      'exact',
      many(20, (at) => `p${at}`),
      20,
    ).verdict,
  ).toBe('too_few');
});

test('entropy is that of the frequencies: 8 equally common values have 3 bits', () => {
  expect(
    assess(
      'exact',
      many(800, (at) => `v${at % 8}`),
      800,
    ),
  ).toMatchObject({ distinct: 8, entropyBits: 3, commonestShare: 0.125 });
});

test('numbers stay within what is possible, whatever the sample', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 2 }), { maxLength: 300 }), fc.nat(10_000), (values, more) => {
      const found = assess('exact', values, values.length + more);
      expect(found.distinct).toBe(new Set(values).size);
      expect(found.distinctEstimated).toBeGreaterThanOrEqual(found.distinct);
      expect(found.distinctEstimated).toBeLessThanOrEqual(values.length + more);
      expect(found.entropyBits).toBeLessThanOrEqual(Math.log2(Math.max(1, found.distinct)) + 1e-9);
      expect(found.commonestShare).toBeLessThanOrEqual(1);
    }),
  );
});

test('cutting an index to 16 bits gives about 15 false matches among a million values, 128 bits none', () => {
  expect(expectedFalseMatches(1_000_001, 16)).toBeCloseTo(15.26, 1);
  expect(expectedFalseMatches(1_000_001, 128)).toBeLessThan(1e-30);
  expect(expectedFalseMatches(0, 16)).toBe(0);
});
