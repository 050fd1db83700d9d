import { compileFilter } from './match-filter.ts';
import type { Finding, Judge } from './finding.ts';
import { forget, remember, type Remembered } from './rule-state.ts';
import type { RuleOf } from './rule.ts';
import { numberIn, type SeenEvent } from './seen-event.ts';

/** So many matching events about the same key within the window; both ends of the window count. */
export function judgeThreshold(rule: RuleOf<'threshold'>): Judge {
  const windowMilliseconds = rule.windowSeconds * 1_000;
  const keeping = { windowMilliseconds, perKey: 2 * rule.count };
  return {
    wants: compileFilter(rule.filter),
    judge: (state, event) =>
      keysOf(rule.by, event).flatMap((key) => {
        const list = remember(state, key, [event.at, event.seq, 0], keeping);
        const found = findRun(list, event.seq, rule.count, windowMilliseconds);
        if (found === null) return [];
        forget(state, key);
        return [findingOf(key, found, `${rule.count} events within ${rule.windowSeconds} s`)];
      }),
  };
}

function keysOf(by: RuleOf<'threshold'>['by'], { body }: SeenEvent): readonly string[] {
  switch (by) {
    case 'none':
      return [''];
    case 'actor':
      return [body.actor.id];
    case 'subject':
      return [...new Set(body.subjects)];
    case 'target':
      return [...new Set(body.targets?.map(({ type, id }) => `${type}/${id}`))];
  }
}

/** Only runs with the event that came now can be new. */
function findRun(
  list: readonly Remembered[],
  seq: number,
  count: number,
  window: number,
): readonly Remembered[] | null {
  const own = list.findLastIndex((one) => one[1] === seq);
  for (let last = Math.max(own, count - 1); last < Math.min(list.length, own + count); last += 1) {
    const [begin] = list[last - count + 1] ?? [0];
    const [end] = list[last] ?? [Infinity];
    if (end - begin <= window) return list.slice(last - count + 1, last + 1);
  }
  return null;
}

function findingOf(key: string, events: readonly Remembered[], note: string): Finding {
  return { key, at: events.at(-1)?.[0] ?? 0, seqs: events.map(([, seq]) => seq), note };
}

/** Events of one actor that are remembered one by one; older ones are taken together. */
const exportsPerActor = 500;

/** So many rows read or exported by an actor within the window. */
export function judgeMassExport(rule: RuleOf<'mass_export'>): Judge {
  const windowMilliseconds = rule.windowSeconds * 1_000;
  const matches = compileFilter(rule.filter);
  const keeping = { windowMilliseconds, perKey: exportsPerActor + 1 };
  return {
    wants: (event) => rowsOf(event) > 0 && matches(event),
    judge: (state, event) => {
      const key = event.body.actor.id;
      const list = remember(state, key, [event.at, event.seq, rowsOf(event)], keeping);
      if (list.length > exportsPerActor) {
        joinOldest(list);
        state.entries -= 1;
      }
      const found = findSum(list, rule.rows, windowMilliseconds);
      if (found === null) return [];
      forget(state, key);
      const rows = found.reduce((sum, [, , some]) => sum + Number(some), 0);
      return [findingOf(key, found, `${rows} rows within ${rule.windowSeconds} s`)];
    },
  };
}

/** Rows that left the house with an event; 0 for events that tell of none. */
export function rowsOf({ body: { action, outcome }, detail }: SeenEvent): number {
  if (outcome !== 'success') return 0;
  switch (action) {
    case 'gateway.records_read':
    case 'crypto.values_opened':
      return numberIn(detail, 'count');
    case 'audit.trail_read':
      return numberIn(detail, 'returned');
    case 'audit.evidence_exported':
      return Math.max(0, numberIn(detail, 'to') - numberIn(detail, 'from'));
    default:
      return 0;
  }
}

/** Their rows at the time of the later one: an alert may come a little early, never too late. */
function joinOldest(list: Remembered[]): void {
  const [first, second] = list;
  if (first !== undefined && second !== undefined)
    list.splice(0, 2, [second[0], second[1], Number(first[2]) + Number(second[2])]);
}

function findSum(list: readonly Remembered[], rows: number, window: number): readonly Remembered[] | null {
  let sum = 0;
  let first = 0;
  for (const [last, [at, , some]] of list.entries()) {
    sum += Number(some);
    for (let begin = list[first]; begin !== undefined && at - begin[0] > window; begin = list[first]) {
      sum -= Number(begin[2]);
      first += 1;
    }
    if (sum >= rows) return list.slice(first, last + 1);
  }
  return null;
}
