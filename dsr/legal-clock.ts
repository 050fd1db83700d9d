import {
  addDays,
  addMonths,
  daysBetween,
  endOfLocalDay,
  isWeekend,
  localDate,
  type LocalDate,
} from './calendar.ts';
import type { HolidayCalendar } from './holidays.ts';
import type { CitedPeriod, LawPack, Period } from './law-packs.ts';

/** A span in which the clock may stand still; open ends are closed with the moment of computing. */
export type Pause = { readonly from: Date; readonly to: Date; readonly reason: string };

/** What the clock needs; nothing else decides a deadline. */
export type ClockInput = {
  readonly pack: LawPack;
  readonly receivedAt: Date;
  /** IANA zone of the controller. */
  readonly zone: string;
  readonly holidays: HolidayCalendar;
  readonly pauses: readonly Pause[];
  readonly extended: boolean;
};

/** A deadline with its reasons. */
export type ClockResult = {
  readonly dueDate: LocalDate;
  /** Last second of the due date in the controller's zone. */
  readonly dueAt: Date;
  /** A more careful reading of the same text, to work towards; never after `dueDate`. */
  readonly targetDate: LocalDate;
  readonly targetAt: Date;
  readonly acknowledgeDate: LocalDate | null;
  readonly acknowledgeAt: Date | null;
  /** One step of the reasoning per line, in English. */
  readonly explanation: readonly string[];
  readonly citation: string;
};

/**
 * The deadline of a request. Pure: the same input gives the same answer on every machine.
 *
 * @see Regulation (EEC, Euratom) No 1182/71, Article 3; 11 CCR 7021
 */
export function computeDeadline(input: ClockInput): ClockResult {
  const { pack, zone } = input;
  const trail: string[] = [];
  const received = localDate(input.receivedAt, zone);
  trail.push(`received on ${received} (${zone})`);
  const rule = input.extended ? pack.respondExtended : pack.respond;
  const unrolled = addDays(countPeriod(received, rule, trail), pausedDays(input, trail));
  const dueDate = roll(unrolled, rule.period, input.holidays, trail);
  const targetDate = carefulTarget(input, received, dueDate, trail);
  const acknowledgeDate = acknowledgement(input, received, trail);
  trail.push(`due at the end of ${dueDate} in ${zone}`);
  return Object.freeze({
    dueDate,
    dueAt: endOfLocalDay(dueDate, zone),
    targetDate,
    targetAt: endOfLocalDay(targetDate, zone),
    acknowledgeDate,
    acknowledgeAt: acknowledgeDate === null ? null : endOfLocalDay(acknowledgeDate, zone),
    explanation: Object.freeze(trail),
    citation: rule.citation,
  });
}

function countPeriod(received: LocalDate, rule: CitedPeriod, trail: string[]): LocalDate {
  const { period } = rule;
  if (period.kind === 'days') {
    const end = addDays(received, period.days);
    trail.push(`${period.days} calendar days from receipt end on ${end} (${rule.citation})`);
    return end;
  }
  const end = addMonths(received, period.months);
  const months = period.months === 1 ? 'one month' : `${period.months} months`;
  const short =
    end.slice(8) === received.slice(8) ? 'the same day of the month' : 'the last day of a shorter month';
  trail.push(`${months}, the day of receipt not counted, end on ${end}: ${short} (${rule.citation})`);
  return end;
}

function pausedDays(input: ClockInput, trail: string[]): number {
  const { pack, zone } = input;
  if (input.pauses.length === 0) return 0;
  if (!pack.pause.allowed) {
    trail.push(`pauses do not count under this law (${pack.pause.citation})`);
    return 0;
  }
  let days = 0;
  for (const span of mergePauses(input.pauses, input.receivedAt)) {
    days += daysBetween(localDate(span.from, zone), localDate(span.to, zone));
  }
  trail.push(`the clock stood still for ${days} whole days (${pack.pause.citation})`);
  return days;
}

/** Overlapping pauses count once; nothing before receipt counts. */
function mergePauses(pauses: readonly Pause[], receivedAt: Date): readonly { from: Date; to: Date }[] {
  const merged: { from: Date; to: Date }[] = [];
  for (const pause of pauses.toSorted((a, b) => a.from.getTime() - b.from.getTime())) {
    const from = new Date(Math.max(pause.from.getTime(), receivedAt.getTime()));
    if (pause.to <= from) continue;
    const last = merged.at(-1);
    if (last !== undefined && from <= last.to)
      last.to = new Date(Math.max(last.to.getTime(), pause.to.getTime()));
    else merged.push({ from, to: pause.to });
  }
  return merged;
}

function roll(date: LocalDate, period: Period, holidays: HolidayCalendar, trail: string[]): LocalDate {
  if (!period.rollsToWorkingDay) return date;
  let current = date;
  while (isWeekend(current) || holidays.isHoliday(current)) {
    const why = isWeekend(current) ? 'a Saturday or Sunday' : `a public holiday (${holidays.id})`;
    trail.push(`${current} is ${why}: moved to the next day (Regulation 1182/71 Article 3(4))`);
    current = addDays(current, 1);
  }
  return current;
}

function carefulTarget(
  input: ClockInput,
  received: LocalDate,
  dueDate: LocalDate,
  trail: string[],
): LocalDate {
  const rule = input.extended ? input.pack.respondExtended : input.pack.respond;
  if (rule.period.kind === 'days') {
    const target = addDays(received, rule.period.days - 1);
    trail.push(
      `counting the day of receipt as the first day, the period ends on ${target}: work towards that`,
    );
    return target;
  }
  if (!input.extended || input.pack.respond.period.kind !== 'months') return dueDate;
  // "Two further months" read as counted from the rolled end of the first month can only be later: keep the earlier.
  const first = computeDeadline({ ...input, extended: false }).dueDate;
  const further = addMonths(first, rule.period.months - input.pack.respond.period.months);
  return further < dueDate ? further : dueDate;
}

function acknowledgement(input: ClockInput, received: LocalDate, trail: string[]): LocalDate | null {
  const rule = input.pack.acknowledge;
  if (rule === null) return null;
  let date = received;
  // "Business day" is undefined there: Monday to Friday without subtracting holidays is the earliest reading.
  for (let left = rule.businessDays; left > 0;) {
    date = addDays(date, 1);
    if (!isWeekend(date)) left -= 1;
  }
  trail.push(
    `receipt is to be confirmed within ${rule.businessDays} business days, by ${date} (${rule.citation})`,
  );
  return date;
}

/** Words for a list: how near the deadline is. */
export type Urgency = 'overdue' | 'critical' | 'soon' | 'normal' | 'closed';

/** @param closed - whether the request has ended */
export function urgency(now: Date, receivedAt: Date, dueAt: Date, closed: boolean): Urgency {
  if (closed) return 'closed';
  const leftHours = (dueAt.getTime() - now.getTime()) / 3_600_000;
  if (leftHours < 0) return 'overdue';
  if (leftHours <= 72) return 'critical';
  const halfTime = (dueAt.getTime() - receivedAt.getTime()) / 2;
  if (leftHours <= 240 || now.getTime() - receivedAt.getTime() > halfTime) return 'soon';
  return 'normal';
}
