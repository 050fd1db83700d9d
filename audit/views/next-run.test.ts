import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nextRun } from './next-run.ts';

describe('the next run of a schedule', () => {
  test.each([
    ['2026-11-23T05:59:59.999Z', { every: 'day', hour: 6 }, '2026-11-23T06:00:00.000Z'],
    ['2026-11-23T06:00:00.000Z', { every: 'day', hour: 6 }, '2026-11-24T06:00:00.000Z'],
    ['2026-12-31T23:30:00.000Z', { every: 'day', hour: 0 }, '2027-01-01T00:00:00.000Z'],
    ['2026-11-23T07:00:00.000Z', { every: 'week', weekday: 1, hour: 6 }, '2026-11-30T06:00:00.000Z'],
    ['2026-11-23T05:00:00.000Z', { every: 'week', weekday: 7, hour: 6 }, '2026-11-29T06:00:00.000Z'],
  ] as const)('after %s of %j is %s', (now, schedule, expected) => {
    expect(nextRun(schedule, new Date(now)).toISOString()).toBe(expected);
  });

  test('is in the future, at most a week away, at the hour', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 0, max: 23 }),
        (now, weekday, hour) => {
          const at = nextRun({ every: 'week', weekday, hour }, now);
          expect(at.getTime()).toBeGreaterThan(now.getTime());
          expect(at.getTime() - now.getTime()).toBeLessThanOrEqual(7 * 86_400_000);
          expect(at.getUTCHours()).toBe(hour);
        },
      ),
    );
  });
});
