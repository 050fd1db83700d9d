import { readOperators } from '../trail-filter.ts';
import type { KeptFilter } from '../views/schema.ts';
import type { SeenEvent } from './seen-event.ts';

/** Whether an event is one that a search with the same filter would find. */
export type MatchEvent = (event: SeenEvent) => boolean;

/** The filter of a search, asked of one event at a time. @throws ERR_INVALID_REQUEST for operators that make no sense */
export function compileFilter(filter: KeptFilter): MatchEvent {
  const { words, ...read } = readOperators(filter);
  const checks: MatchEvent[] = [];
  const same = (wanted: string | undefined, actual: (event: SeenEvent) => string | undefined): void => {
    if (wanted === undefined) return;
    const lower = wanted.toLowerCase();
    checks.push((event) => actual(event)?.toLowerCase() === lower);
  };
  const { actor, action, outcome, subject, target } = read;
  if (action !== undefined) checks.push(({ body }) => matchesAction(action, body.action));
  if (actor !== undefined) checks.push(({ body }) => body.actor.id === actor);
  if (outcome !== undefined) checks.push(({ body }) => body.outcome === outcome);
  if (subject !== undefined) checks.push(({ body }) => body.subjects?.includes(subject) ?? false);
  same(read.session, ({ body }) => body.actor.session);
  same(read.trace, ({ body }) => body.traceparent?.split('-')[1]);
  same(read.request, ({ body }) => body.requestId);
  same(read.category, ({ body }) => body.category);
  if (target !== undefined) {
    const lower = target.toLowerCase();
    checks.push(({ body }) =>
      (body.targets ?? []).some(
        ({ type, id }) => id.toLowerCase() === lower || `${type}/${id}`.toLowerCase() === lower,
      ),
    );
  }
  for (const word of words) {
    const beginning = `w:${word.toLowerCase()}`;
    checks.push((event) => event.terms().some((term) => term.startsWith(beginning)));
  }
  return (event) => checks.every((check) => check(event));
}

/** An action, or a beginning that ends in `*`. */
export function matchesAction(wanted: string, action: string): boolean {
  return wanted.endsWith('*') ? action.startsWith(wanted.slice(0, -1)) : action === wanted;
}

/** Whether a filter can be met by an action at all; operators in the words count. */
export function mayMatchAction(filter: KeptFilter, action: string): boolean {
  const wanted = readOperators(filter).action;
  return wanted === undefined || matchesAction(wanted, action);
}

/** Whether a filter asks for exactly this action by its name. */
export const asksByName = (filter: KeptFilter, action: string): boolean =>
  readOperators(filter).action === action;
