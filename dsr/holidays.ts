import { addDays, weekday, type LocalDate } from './calendar.ts';

/** Tells whether a local date is a public holiday. */
export type HolidayCalendar = { readonly id: string; readonly isHoliday: (date: LocalDate) => boolean };

/** Fixed days `MM-DD`, days counted from Easter Sunday, and nth weekdays of a month. */
type HolidayRules = {
  readonly fixed: readonly string[];
  readonly easter: readonly number[];
  readonly nth?: readonly { readonly month: number; readonly weekday: number; readonly nth: number }[];
};

// National public holidays by law; regional ones are injected by the tenant.
const table: Readonly<Record<string, HolidayRules>> = {
  // Shared by all member states: the careful default, since a holiday can only move a deadline later.
  EU: { fixed: ['01-01', '12-25'], easter: [] },
  DE: { fixed: ['01-01', '05-01', '10-03', '12-25', '12-26'], easter: [-2, 1, 39, 50] },
  ES: {
    fixed: ['01-01', '01-06', '05-01', '08-15', '10-12', '11-01', '12-06', '12-08', '12-25'],
    easter: [-2],
  },
  FR: {
    fixed: ['01-01', '05-01', '05-08', '07-14', '08-15', '11-01', '11-11', '12-25'],
    easter: [1, 39, 50],
  },
  // 24 December since 2025 (Dz.U. 2024 poz. 1965).
  PL: {
    fixed: ['01-01', '01-06', '05-01', '05-03', '08-15', '11-01', '11-11', '12-24', '12-25', '12-26'],
    easter: [0, 1, 49, 60],
  },
  US: {
    fixed: ['01-01', '06-19', '07-04', '11-11', '12-25'],
    easter: [],
    nth: [
      { month: 1, weekday: 1, nth: 3 },
      { month: 2, weekday: 1, nth: 3 },
      { month: 5, weekday: 1, nth: -1 },
      { month: 9, weekday: 1, nth: 1 },
      { month: 10, weekday: 1, nth: 2 },
      { month: 11, weekday: 4, nth: 4 },
    ],
  },
};

/**
 * A calendar by country, with the tenant's own days added. An unknown id falls back to `EU`.
 *
 * @param extra - further holidays as `YYYY-MM-DD`
 */
export function holidayCalendar(id: string, extra: readonly LocalDate[] = []): HolidayCalendar {
  const known = Object.hasOwn(table, id) ? id : 'EU';
  const rules = table[known] ?? { fixed: [], easter: [] };
  const own = new Set(extra);
  return Object.freeze({
    id: own.size === 0 ? known : `${known}+${own.size}`,
    isHoliday: (date: LocalDate) =>
      own.has(date) || rules.fixed.includes(date.slice(5)) || isMoving(rules, date),
  });
}

function isMoving(rules: HolidayRules, date: LocalDate): boolean {
  const year = Number(date.slice(0, 4));
  if (rules.easter.some((days) => addDays(easterSunday(year), days) === date)) return true;
  return (rules.nth ?? []).some((rule) => nthWeekday(year, rule.month, rule.weekday, rule.nth) === date);
}

function nthWeekday(year: number, month: number, day: number, nth: number): LocalDate {
  const first = `${year}-${String(month).padStart(2, '0')}-01`;
  const start = addDays(first, (day - weekday(first) + 7) % 7);
  if (nth > 0) return addDays(start, 7 * (nth - 1));
  const fifth = addDays(start, 28);
  return fifth.slice(5, 7) === first.slice(5, 7) ? fifth : addDays(start, 21);
}

/** Gregorian computus. @see https://doi.org/10.1038/013487a0 ("A New York correspondent", Nature, 1876) */
function easterSunday(year: number): LocalDate {
  const a = year % 19;
  const b = Math.floor(year / 100);
  const c = year % 100;
  const g = Math.floor((b - Math.floor((b + 8) / 25) + 1) / 3);
  const h = (19 * a + b - Math.floor(b / 4) - g + 15) % 30;
  const l = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - h - (c % 4)) % 7;
  const m = Math.floor((a + 11 * h + 22 * l) / 451);
  const sum = h + l - 7 * m + 114;
  const month = Math.floor(sum / 31);
  return `${year}-${String(month).padStart(2, '0')}-${String((sum % 31) + 1).padStart(2, '0')}`;
}
