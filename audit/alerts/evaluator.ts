import type { Finding, Judge } from './finding.ts';
import { judgeAbsence } from './judge-absence.ts';
import { judgeMassExport, judgeThreshold } from './judge-counts.ts';
import { judgeSequence } from './judge-sequence.ts';
import { judgeOffHours, judgeSelfGrant } from './judge-single.ts';
import { judgeTravel } from './judge-travel.ts';
import { asksByName, mayMatchAction } from './match-filter.ts';
import type { Places } from './places.ts';
import { maxKeys, tidy, type RuleState } from './rule-state.ts';
import { filtersOf, windowMilliseconds, type RuleDefinition } from './rule.ts';
import { alertRaisedAction, numberIn, type SeenEvent } from './seen-event.ts';

/** A finding that is told. */
export type Raised = Finding & {
  /** 1 when an alert made it, otherwise 0. An alert of depth 1 triggers nothing. */
  readonly depth: 0 | 1;
};

/** One rule at work. The same for the live log and for a back-test: what it says depends on the events alone. */
export type Evaluator = {
  /** Whether events of this action could matter. */
  readonly mayMatch: (action: string) => boolean;
  /** Commitments that {@link Places} must have learned before {@link Evaluator.pass}. */
  readonly placesNeeded: (event: SeenEvent) => readonly string[];
  readonly pass: (event: SeenEvent) => readonly Raised[];
  /** What follows from the time alone, when the whole log up to now was seen. */
  readonly passTime: (now: number) => readonly Raised[];
  readonly state: RuleState;
  /** Whether the state is another one than at the beginning. */
  readonly isChanged: () => boolean;
};

/** A rule may raise so many alerts within one hour of the log; the rest is counted. */
export const maxAlertsPerHour = 100;
const hourMilliseconds = 3_600_000;

/** @param ruleId - so that a rule does not answer itself; null for one that is not stored */
export function createEvaluator(
  ruleId: string | null,
  definition: RuleDefinition,
  state: RuleState,
  places: Places,
): Evaluator {
  const judge = judgeOf(definition, places);
  const filters = filtersOf(definition);
  const watchesAlerts = filters.some((filter) => asksByName(filter, alertRaisedAction));
  const window = windowMilliseconds(definition);
  const quiet = definition.quietSeconds * 1_000;
  let changed = false;
  const wants = (event: SeenEvent): boolean => {
    if (event.body.action === alertRaisedAction && !mayTrigger(event, ruleId, watchesAlerts)) return false;
    return judge.wants(event);
  };
  const tell = (findings: readonly Finding[], receivedAt: number, depth: 0 | 1): readonly Raised[] =>
    findings.flatMap((finding) => (isHeld(state, finding, quiet, receivedAt) ? [] : [{ ...finding, depth }]));
  return Object.freeze({
    state,
    isChanged: () => changed,
    mayMatch: (action: string) =>
      action === alertRaisedAction ? watchesAlerts : filters.some((filter) => mayMatchAction(filter, action)),
    placesNeeded: (event: SeenEvent) =>
      judge.placesNeeded !== undefined && wants(event) ? judge.placesNeeded(state, event) : [],
    pass: (event: SeenEvent) => {
      if (!wants(event)) return [];
      changed = true;
      tidy(state, event.seq, window, quiet);
      state.newest = Math.max(state.newest, event.at);
      const depth = event.body.action === alertRaisedAction ? 1 : 0;
      return tell(judge.judge(state, event), event.receivedAt, depth);
    },
    passTime: (now: number) => {
      const findings = judge.judgeSilence?.(state, now) ?? [];
      if (findings.length > 0) changed = true;
      return tell(findings, findings[0]?.at ?? now, 0);
    },
  });
}

/** Alerts are answered by rules that ask for them by name only, never by the rule that raised them, and only once. */
function mayTrigger({ detail }: SeenEvent, ruleId: string | null, watchesAlerts: boolean): boolean {
  if (!watchesAlerts || numberIn(detail, 'depth') > 0) return false;
  const from: unknown = typeof detail === 'object' && detail !== null ? Reflect.get(detail, 'ruleId') : null;
  return ruleId === null || from !== ruleId;
}

function judgeOf(definition: RuleDefinition, places: Places): Judge {
  switch (definition.kind) {
    case 'threshold':
      return judgeThreshold(definition);
    case 'sequence':
      return judgeSequence(definition);
    case 'absence':
      return judgeAbsence(definition);
    case 'impossible_travel':
      return judgeTravel(definition, places);
    case 'mass_export':
      return judgeMassExport(definition);
    case 'self_grant':
      return judgeSelfGrant(definition);
    case 'off_hours':
      return judgeOffHours(definition);
  }
}

/** Whether a finding is held back: too soon after the last one about the same, or one of far too many. */
function isHeld(state: RuleState, { key, at }: Finding, quiet: number, receivedAt: number): boolean {
  const last = state.quiet.get(key);
  if (last !== undefined && Math.abs(at - last) < quiet) {
    state.counts.quiet += 1;
    return true;
  }
  const hour = Math.floor(receivedAt / hourMilliseconds);
  if (hour > state.hour) {
    state.hour = hour;
    state.inHour = 0;
  }
  if (state.inHour >= maxAlertsPerHour) {
    state.counts.flooded += 1;
    return true;
  }
  state.inHour += 1;
  state.counts.raised += 1;
  if (quiet > 0) keepQuiet(state, key, at);
  return false;
}

function keepQuiet(state: RuleState, key: string, at: number): void {
  state.quiet.delete(key);
  state.quiet.set(key, at);
  if (state.quiet.size > maxKeys)
    for (const oldest of state.quiet.keys()) return void state.quiet.delete(oldest);
}
