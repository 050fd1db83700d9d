import type { Schedule } from './schema.ts';

const dayMilliseconds = 86_400_000;

/** The next moment of a schedule, strictly after `now`, in UTC. */
export function nextRun(schedule: Schedule, now: Date): Date {
  const today = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate(), schedule.hour);
  for (let days = 0; ; days += 1) {
    const at = new Date(today + days * dayMilliseconds);
    if (at > now && (schedule.every === 'day' || isoWeekday(at) === schedule.weekday)) return at;
  }
}

const isoWeekday = (date: Date): number => ((date.getUTCDay() + 6) % 7) + 1;
