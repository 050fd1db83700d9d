import { describe, expect, test } from '@jest/globals';
import { computeDeadline, urgency, type ClockInput, type Pause } from './legal-clock.ts';
import { holidayCalendar } from './holidays.ts';
import { lawPack, type LawId } from './law-packs.ts';

type Vector = {
  readonly law: LawId;
  readonly received: string;
  readonly zone?: string;
  readonly country?: string;
  readonly extra?: readonly string[];
  readonly extended?: boolean;
  readonly pauses?: readonly (readonly [string, string])[];
  readonly due: string;
  readonly target?: string;
  readonly acknowledge?: string;
  readonly dueAt?: string;
};

const gdpr = (received: string, due: string, more: Partial<Vector> = {}): Vector => ({
  law: 'gdpr',
  received,
  due,
  ...more,
});
const ccpa = (received: string, due: string, more: Partial<Vector> = {}): Vector => ({
  law: 'ccpa',
  received,
  due,
  ...more,
});

const vectors: readonly Vector[] = [
  // Worked examples of the design page.
  gdpr('2026-01-31T10:00:00Z', '2026-03-02'),
  gdpr('2026-08-31T10:00:00Z', '2026-09-30'),
  gdpr('2026-11-25T10:00:00Z', '2026-12-28'),
  gdpr('2026-01-31T10:00:00Z', '2026-04-30', { extended: true }),
  ccpa('2026-11-23T20:00:00Z', '2027-01-07', {
    zone: 'America/Los_Angeles',
    target: '2027-01-06',
    acknowledge: '2026-12-07',
  }),
  ccpa('2026-11-23T20:00:00Z', '2027-02-21', {
    zone: 'America/Los_Angeles',
    extended: true,
    target: '2027-02-20',
  }),
  // Months: same day, shorter month, leap years, turn of the year.
  gdpr('2026-02-10T10:00:00Z', '2026-03-10'),
  gdpr('2026-03-31T10:00:00Z', '2026-04-30'),
  gdpr('2026-05-31T10:00:00Z', '2026-06-30'),
  gdpr('2028-01-31T10:00:00Z', '2028-02-29'),
  gdpr('2027-01-29T10:00:00Z', '2027-03-01'),
  gdpr('2027-01-28T10:00:00Z', '2027-03-01'),
  gdpr('2026-12-31T10:00:00Z', '2027-02-01'),
  gdpr('2026-12-15T10:00:00Z', '2027-01-15'),
  gdpr('2026-06-15T10:00:00Z', '2026-07-15'),
  // Weekend and holiday rolls.
  gdpr('2026-06-11T10:00:00Z', '2026-07-13'),
  gdpr('2026-06-12T10:00:00Z', '2026-07-13'),
  gdpr('2026-12-01T10:00:00Z', '2027-01-04'),
  gdpr('2025-12-01T10:00:00Z', '2026-01-02'),
  gdpr('2026-03-06T10:00:00Z', '2026-04-07', { country: 'PL' }),
  gdpr('2026-03-03T10:00:00Z', '2026-04-07', { country: 'DE' }),
  gdpr('2026-03-03T10:00:00Z', '2026-04-03', { country: 'EU' }),
  gdpr('2026-11-24T10:00:00Z', '2026-12-28', { country: 'PL' }),
  gdpr('2026-11-24T10:00:00Z', '2026-12-24', { country: 'EU' }),
  gdpr('2026-10-11T10:00:00Z', '2026-11-12', { country: 'PL' }),
  gdpr('2026-04-14T10:00:00Z', '2026-05-15', { country: 'FR' }),
  gdpr('2026-06-14T10:00:00Z', '2026-07-15', { country: 'FR' }),
  gdpr('2026-09-12T10:00:00Z', '2026-10-13', { country: 'ES' }),
  gdpr('2026-05-04T10:00:00Z', '2026-06-05', { country: 'PL' }),
  gdpr('2026-06-15T10:00:00Z', '2026-07-16', { extra: ['2026-07-15'] }),
  gdpr('2026-06-15T10:00:00Z', '2026-07-20', { extra: ['2026-07-15', '2026-07-16', '2026-07-17'] }),
  // The controller's zone decides the day; the day ends there.
  gdpr('2026-06-14T22:30:00Z', '2026-07-15', { zone: 'Europe/Warsaw', dueAt: '2026-07-15T21:59:59.000Z' }),
  gdpr('2026-06-14T21:30:00Z', '2026-07-14', { zone: 'Europe/Warsaw', dueAt: '2026-07-14T21:59:59.000Z' }),
  gdpr('2026-10-01T10:00:00Z', '2026-11-02', { zone: 'Europe/Warsaw', dueAt: '2026-11-02T22:59:59.000Z' }),
  gdpr('2026-02-25T10:00:00Z', '2026-03-25', { zone: 'Europe/London', dueAt: '2026-03-25T23:59:59.000Z' }),
  gdpr('2026-03-02T10:00:00Z', '2026-04-02', { zone: 'Europe/London', dueAt: '2026-04-02T22:59:59.000Z' }),
  gdpr('2026-06-15T10:30:00Z', '2026-07-16', {
    zone: 'Pacific/Kiritimati',
    dueAt: '2026-07-16T09:59:59.000Z',
  }),
  // Extension: receipt + 3 months; the target is the earlier reading.
  gdpr('2026-08-31T10:00:00Z', '2026-11-30', { extended: true, target: '2026-11-30' }),
  gdpr('2026-11-30T10:00:00Z', '2027-03-01', { extended: true, target: '2027-02-28' }),
  gdpr('2026-02-10T10:00:00Z', '2026-05-11', { extended: true, target: '2026-05-10' }),
  // Pauses: whole local days; overlaps count once; before receipt does not count.
  gdpr('2026-06-15T10:00:00Z', '2026-07-20', { pauses: [['2026-06-15T10:00:00Z', '2026-06-20T09:00:00Z']] }),
  gdpr('2026-06-15T10:00:00Z', '2026-07-15', { pauses: [['2026-06-15T10:00:00Z', '2026-06-15T18:00:00Z']] }),
  gdpr('2026-06-15T10:00:00Z', '2026-07-20', {
    pauses: [
      ['2026-06-15T10:00:00Z', '2026-06-18T09:00:00Z'],
      ['2026-06-17T10:00:00Z', '2026-06-20T09:00:00Z'],
    ],
  }),
  gdpr('2026-06-15T10:00:00Z', '2026-07-17', { pauses: [['2026-06-01T10:00:00Z', '2026-06-17T09:00:00Z']] }),
  gdpr('2026-06-15T10:00:00Z', '2026-07-20', { pauses: [['2026-06-16T10:00:00Z', '2026-06-19T09:00:00Z']] }),
  // California: calendar days without roll, no pause, business days without holidays.
  ccpa('2026-01-01T20:00:00Z', '2026-02-15', {
    zone: 'America/Los_Angeles',
    target: '2026-02-14',
    acknowledge: '2026-01-15',
  }),
  ccpa('2026-11-23T20:00:00Z', '2027-01-07', {
    zone: 'America/Los_Angeles',
    pauses: [['2026-11-23T20:00:00Z', '2026-12-23T20:00:00Z']],
  }),
  ccpa('2026-11-24T05:00:00Z', '2027-01-07', {
    zone: 'America/Los_Angeles',
    acknowledge: '2026-12-07',
    dueAt: '2027-01-08T07:59:59.000Z',
  }),
  ccpa('2026-02-01T20:00:00Z', '2026-03-18', {
    zone: 'America/Los_Angeles',
    dueAt: '2026-03-19T06:59:59.000Z',
  }),
  ccpa('2026-05-23T20:00:00Z', '2026-07-07', {
    zone: 'America/Los_Angeles',
    country: 'US',
    acknowledge: '2026-06-05',
  }),
  ccpa('2026-05-20T20:00:00Z', '2026-07-04', {
    zone: 'America/Los_Angeles',
    country: 'US',
    acknowledge: '2026-06-03',
  }),
  ccpa('2028-01-20T20:00:00Z', '2028-03-05', { zone: 'America/Los_Angeles' }),
];

function input(vector: Vector): ClockInput {
  const pauses: Pause[] = (vector.pauses ?? []).map(([from, to]) => ({
    from: new Date(from),
    to: new Date(to),
    reason: 'identity',
  }));
  return {
    pack: lawPack(vector.law),
    receivedAt: new Date(vector.received),
    zone: vector.zone ?? 'UTC',
    holidays: holidayCalendar(vector.country ?? 'EU', vector.extra),
    pauses,
    extended: vector.extended ?? false,
  };
}

describe('the legal clock', () => {
  test.each(
    vectors.map(
      (vector, index) =>
        [
          `${index + 1}: ${vector.law} ${vector.received} ${vector.extended === true ? 'extended ' : ''}-> ${vector.due}`,
          vector,
        ] as const,
    ),
  )('vector %s', (_title, vector) => {
    const result = computeDeadline(input(vector));
    expect(result.dueDate).toBe(vector.due);
    if (vector.target !== undefined) expect(result.targetDate).toBe(vector.target);
    if (vector.acknowledge !== undefined) expect(result.acknowledgeDate).toBe(vector.acknowledge);
    if (vector.dueAt !== undefined) expect(result.dueAt.toISOString()).toBe(vector.dueAt);
  });

  test('has at least forty vectors', () => {
    expect(vectors.length).toBeGreaterThanOrEqual(40);
  });

  test('explains every step and cites the law', () => {
    const result = computeDeadline(input(gdpr('2026-11-25T10:00:00Z', '2026-12-28')));
    expect(result.citation).toContain('Article 12(3)');
    expect(result.explanation.join('\n')).toContain('2026-12-25 is a public holiday (EU)');
    expect(result.explanation.join('\n')).toContain('2026-12-26 is a Saturday or Sunday');
  });

  test('says that California knows no pause', () => {
    const vector = ccpa('2026-11-23T20:00:00Z', '2027-01-07', {
      pauses: [['2026-11-24T00:00:00Z', '2026-12-24T00:00:00Z']],
    });
    expect(computeDeadline(input(vector)).explanation.join('\n')).toContain(
      'pauses do not count under this law',
    );
  });

  test('tells urgency by what is left', () => {
    const at = (text: string): Date => new Date(text);
    const of = (now: string): string =>
      urgency(at(now), at('2026-06-01T00:00:00Z'), at('2026-07-01T00:00:00Z'), false);
    expect([
      of('2026-06-05T00:00:00Z'),
      of('2026-06-17T00:00:00Z'),
      of('2026-06-29T00:00:00Z'),
      of('2026-07-02T00:00:00Z'),
    ]).toEqual(['normal', 'soon', 'critical', 'overdue']);
  });
});
