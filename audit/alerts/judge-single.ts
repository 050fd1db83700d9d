import { compileFilter } from './match-filter.ts';
import type { Judge } from './finding.ts';
import type { RuleOf } from './rule.ts';
import type { SeenEvent } from './seen-event.ts';

/** Whoever acts is the one who is granted something. */
export function judgeSelfGrant(rule: RuleOf<'self_grant'>): Judge {
  const matches = compileFilter(rule.filter);
  return {
    wants: (event) => matches(event) && isToSelf(event),
    judge: (_state, { body, at, seq }) => [
      { key: body.actor.id, at, seqs: [seq], note: 'granted to the actor' },
    ],
  };
}

function isToSelf({ body: { actor, targets, outcome } }: SeenEvent): boolean {
  return (
    outcome === 'success' &&
    (targets ?? []).some(
      ({ type, id }) => type === 'principal' && id.toLowerCase() === actor.id.toLowerCase(),
    )
  );
}

/** A matching event outside the working hours of a time zone. */
export function judgeOffHours(rule: RuleOf<'off_hours'>): Judge {
  const matches = compileFilter(rule.filter);
  const isOff = createOffHours(rule);
  return {
    wants: (event) =>
      (!rule.peopleOnly || event.body.actor.type === 'user') && matches(event) && isOff(event.at),
    judge: (_state, { body, at, seq }) => [
      { key: body.actor.id, at, seqs: [seq], note: `outside ${rule.from} to ${rule.to}, ${rule.timeZone}` },
    ],
  };
}

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const minuteMilliseconds = 60_000;
const rememberedMinutes = 10_000;

/** Whether a moment lies outside working hours, by the clocks on the walls of the time zone. */
export function createOffHours({
  timeZone,
  days,
  from,
  to,
}: Pick<RuleOf<'off_hours'>, 'timeZone' | 'days' | 'from' | 'to'>): (at: number) => boolean {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const working = new Set(days);
  const [begin, end] = [minutesOf(from), minutesOf(to)];
  const isWorking = (day: number, minutes: number): boolean => {
    if (begin === end) return working.has(day);
    if (begin < end) return working.has(day) && minutes >= begin && minutes < end;
    const yesterday = day === 1 ? 7 : day - 1;
    return (minutes >= begin && working.has(day)) || (minutes < end && working.has(yesterday));
  };
  const known = new Map<number, boolean>(); // asking for the wall clock costs more than everything else
  return (at) => {
    const minute = Math.floor(at / minuteMilliseconds);
    const before = known.get(minute);
    if (before !== undefined) return before;
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
    const day = weekdays.indexOf(parts['weekday'] ?? '') + 1;
    const off = !isWorking(day, minutesOf(`${parts['hour'] ?? ''}:${parts['minute'] ?? ''}`));
    if (known.size >= rememberedMinutes) known.clear();
    known.set(minute, off);
    return off;
  };
}

function minutesOf(clock: string): number {
  const [hours = 0, minutes = 0] = clock.split(':').map(Number);
  return hours * 60 + minutes;
}
