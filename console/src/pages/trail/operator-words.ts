import { useLingui } from '@lingui/react/macro';
import type { SearchProblem } from './parse-search.ts';
import type { OperatorName } from './trail-filter.ts';

/** What each operator finds, and how its values look. */
export function useOperatorHelp(): Readonly<Record<OperatorName | 'from' | 'to', readonly [string, string]>> {
  const { t } = useLingui();
  return {
    action: [t`what was done; a prefix ends in .*`, 'dsr.*'],
    actor: [t`who did it, by id`, 'actor:…'],
    outcome: [t`how it ended`, 'success, failure, denied'],
    target: [t`what it was done to, type/id or an id`, 'contact/42'],
    subject: [t`which person's data it touched, by id`, 'uuid'],
    session: [t`everything of one session`, 'session:…'],
    request: [t`everything of one request`, 'request:…'],
    trace: [t`everything of one trace, across services`, t`32 hex digits`],
    category: [t`the kind of event`, 'iam'],
    from: [t`not before: a date, or so long ago`, '2026-11-01, 24h, 7d'],
    to: [t`before: a date, or so long ago`, '2026-11-30, 1h'],
  };
}

/** A problem of the search in words that name the operator. */
export function useProblemWords(): (problem: SearchProblem) => string {
  const { t } = useLingui();
  return ({ kind, operator, nearest }) => {
    const name = `${operator}:`;
    switch (kind) {
      case 'unknown':
        return nearest === null
          ? t`“${name}” is no operator; put the word in quotes to search for it as text`
          : t`“${name}” is no operator; did you mean “${nearest}:”?`;
      case 'twice':
        return t`“${name}” stands there twice; one value each`;
      case 'empty':
        return t`“${name}” needs a value right behind the colon`;
      case 'outcome':
        return t`“${name}” takes success, failure or denied`;
      case 'subject':
        return t`“${name}” takes the id of a person, as it stands in an event`;
      case 'trace':
        return t`“${name}” takes 32 hex digits`;
      case 'time':
        return t`“${name}” takes a date (2026-11-01) or a span back from now (24h, 7d)`;
      case 'long':
        return t`“${name}” takes 200 characters at most`;
    }
  };
}
