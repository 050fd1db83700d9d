import { compileFilter } from './match-filter.ts';
import type { Finding, Judge } from './finding.ts';
import type { RuleState } from './rule-state.ts';
import type { RuleOf } from './rule.ts';
import { alertRaisedAction } from './seen-event.ts';

/**
 * No matching event for longer than the window. Told by the clock, or by the next event when the clock was not looked at
 * in time: either way the alert is of the same moment. Times are those at which we got events.
 */
export function judgeAbsence(rule: RuleOf<'absence'>): Judge {
  const windowMilliseconds = rule.windowSeconds * 1_000;
  const matches = compileFilter(rule.filter);
  const until = (state: RuleState, now: number): readonly Finding[] => {
    if (state.lastSeen === null || state.silent || now - state.lastSeen <= windowMilliseconds) return [];
    state.silent = true;
    const seqs = state.lastSeq === null ? [] : [state.lastSeq];
    return [
      {
        key: '',
        at: state.lastSeen + windowMilliseconds,
        seqs,
        note: `no event for ${rule.windowSeconds} s`,
      },
    ];
  };
  return {
    // An alert about silence does not end it.
    wants: (event) => event.body.action !== alertRaisedAction && matches(event),
    judge: (state, event) => {
      const findings = until(state, event.receivedAt);
      if (state.lastSeen === null || event.receivedAt >= state.lastSeen) state.lastSeen = event.receivedAt;
      state.lastSeq = event.seq;
      state.silent = false;
      return findings;
    },
    judgeSilence: until,
  };
}
