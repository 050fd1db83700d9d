import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { normaliseForIndex } from '../normalise.ts';
import { bucketOf, bucketsWithin, countBuckets, maxBuckets, type Buckets } from './bucket.ts';

const numbers = fc
  .record({
    from: fc.integer({ min: -1e6, max: 1e6 }),
    width: fc.integer({ min: 1, max: 1_000 }),
    count: fc.integer({ min: 1, max: 200 }),
  })
  .map(({ from, width, count }): Buckets => ({ from, width, to: from + width * count }));
const unit = fc.constantFrom('day', 'month', 'year');
const days = fc
  .record({ unit, start: fc.integer({ min: 0, max: 20_000 }), length: fc.integer({ min: 0, max: 2_000 }) })
  .map(({ unit: of, start, length }): Buckets => ({
    unit: of,
    from: dayOf(start),
    to: dayOf(start + length),
  }));
const dayOf = (at: number): string => new Date(at * 86_400_000).toISOString().slice(0, 10);
const number = fc.double({ min: -2e6, max: 2e6, noNaN: true }).map(String);
const date = fc.integer({ min: 0, max: 30_000 }).map(dayOf);

describe.each([
  ['numbers', numbers, number, Number],
  ['days', days, date, Date.parse],
] as const)('buckets of %s', (_, scales, values, order) => {
  test('a value between two bounds is always in one of the buckets of the search', () => {
    fc.assert(
      fc.property(scales as fc.Arbitrary<Buckets>, values, values, values, (buckets, one, two, three) => {
        const [low = '', value = '', high = ''] = [one, two, three].toSorted(
          (left, right) => order(left) - order(right),
        );
        expect(bucketsWithin(buckets, { from: low, to: high })).toContain(bucketOf(buckets, value));
        expect(bucketsWithin(buckets, { from: low })).toContain(bucketOf(buckets, value));
        expect(bucketsWithin(buckets, { to: high })).toContain(bucketOf(buckets, value));
      }),
    );
  });

  test('buckets follow the order of their values, and there are as many as counted', () => {
    fc.assert(
      fc.property(scales as fc.Arbitrary<Buckets>, values, values, (buckets, one, two) => {
        const all = bucketsWithin(buckets, {});
        expect(all).toHaveLength(countBuckets(buckets));
        const [low = '', high = ''] = [one, two].toSorted((left, right) => order(left) - order(right));
        const at = (value: string): number => all.indexOf(bucketOf(buckets, value) ?? '');
        expect(at(low)).toBeGreaterThanOrEqual(0);
        expect(at(low)).toBeLessThanOrEqual(at(high));
      }),
    );
  });
});

test('what is no number or day has no bucket, and a search for it finds nothing', () => {
  const ages: Buckets = { from: 0, to: 120, width: 10 };
  const births: Buckets = { from: '1900-01-01', to: '2030-12-31', unit: 'month' };
  for (const value of ['', ' ', 'forty', 'NaN', 'Infinity']) {
    expect(bucketOf(ages, value)).toBeNull();
    expect(bucketOf(births, value)).toBeNull();
    expect(bucketsWithin(ages, { from: value })).toEqual([]);
  }
});

test('scales that are upside down, endless or too fine are counted as such', () => {
  expect(countBuckets({ from: 10, to: 0, width: 1 })).toBe(0);
  expect(countBuckets({ from: 0, to: 10, width: 0 })).toBe(0);
  expect(countBuckets({ from: 'x', to: 'y', unit: 'day' })).toBe(0);
  expect(countBuckets({ from: 0, to: maxBuckets * 2, width: 1 })).toBeGreaterThan(maxBuckets);
});

test('values of two scales never share a bucket', () => {
  const label = (buckets: Buckets): string | null => bucketOf(buckets, '20');
  expect(label({ from: 0, to: 100, width: 10 })).not.toBe(label({ from: 0, to: 100, width: 20 }));
});

test('a prefix is the first whole characters of the normalised text, and shorter texts have none', () => {
  const prefix = (length: number, value: string): string | null =>
    normaliseForIndex({ kind: 'prefix', normaliser: 'text', length }, value);
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 8 }), (value, length) => {
      const whole = normaliseForIndex({ kind: 'exact', normaliser: 'text' }, value) ?? '';
      const characters = [...whole];
      expect(prefix(length, value)).toBe(
        characters.length < length ? null : characters.slice(0, length).join(''),
      );
    }),
  );
  expect(prefix(3, '  ŻÓŁĆ')).toBe('żół');
});
