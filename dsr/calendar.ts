/** A day without time or zone: `2026-01-31`. */
export type LocalDate = string;

const dayMilliseconds = 86_400_000;

const toUtc = (date: LocalDate): Date => new Date(`${date}T00:00:00Z`);
const fromUtc = (instant: Date): LocalDate => instant.toISOString().slice(0, 10);

/** @param days - may be negative */
export function addDays(date: LocalDate, days: number): LocalDate {
  return fromUtc(new Date(toUtc(date).getTime() + days * dayMilliseconds));
}

/**
 * The same day of a later month, or that month's last day where it has no such day.
 *
 * @see Regulation (EEC, Euratom) No 1182/71, Article 3(2)(c)
 */
export function addMonths(date: LocalDate, months: number): LocalDate {
  const start = toUtc(date);
  const first = new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + months, 1));
  const lastDay = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
  first.setUTCDate(Math.min(start.getUTCDate(), lastDay));
  return fromUtc(first);
}

/** Whole days from one date to another; negative when it lies before. */
export function daysBetween(from: LocalDate, to: LocalDate): number {
  return Math.round((toUtc(to).getTime() - toUtc(from).getTime()) / dayMilliseconds);
}

/** 0 Sunday .. 6 Saturday. */
export function weekday(date: LocalDate): number {
  return toUtc(date).getUTCDay();
}

/** Whether a date is Saturday or Sunday. */
export function isWeekend(date: LocalDate): boolean {
  return weekday(date) % 6 === 0;
}

/**
 * The date that a wall clock shows.
 *
 * @param zone - IANA name
 */
export function localDate(instant: Date, zone: string): LocalDate {
  const parts = zoneParts(instant, zone);
  return `${parts['year']}-${parts['month']}-${parts['day']}`;
}

/** The last second of a local day, as an instant; right on days of 23 and 25 hours as well. */
export function endOfLocalDay(date: LocalDate, zone: string): Date {
  const midnight = toUtc(addDays(date, 1)).getTime();
  let guess = midnight;
  // Two rounds settle it: the first finds the offset, the second the offset in force at the answer.
  for (let round = 0; round < 3; round += 1) guess = midnight - offsetMilliseconds(new Date(guess), zone);
  return new Date(guess - 1_000);
}

function offsetMilliseconds(instant: Date, zone: string): number {
  const p = zoneParts(instant, zone);
  const wall = Date.parse(
    `${p['year']}-${p['month']}-${p['day']}T${p['hour']}:${p['minute']}:${p['second']}Z`,
  );
  return wall - Math.floor(instant.getTime() / 1_000) * 1_000;
}

function zoneParts(instant: Date, zone: string): Readonly<Record<string, string>> {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  return Object.fromEntries(format.formatToParts(instant).map((part) => [part.type, part.value]));
}
