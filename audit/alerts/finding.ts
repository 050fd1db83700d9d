import type { SeenEvent } from './seen-event.ts';
import type { RuleState } from './rule-state.ts';

/** What a rule found. */
export type Finding = {
  /** Whom it is about; empty when about nobody. */
  readonly key: string;
  /** When what was looked for was complete, in milliseconds. */
  readonly at: number;
  /** The events that made it, oldest first. */
  readonly seqs: readonly number[];
  /** In a few words, without personal data. */
  readonly note: string | null;
};

/** How one kind of rule judges events. */
export type Judge = {
  /** Whether the event could matter at all. */
  readonly wants: (event: SeenEvent) => boolean;
  /** Takes an event that matters into the state. */
  readonly judge: (state: RuleState, event: SeenEvent) => readonly Finding[];
  /** Absence only: what follows from the time alone. */
  readonly judgeSilence?: (state: RuleState, now: number) => readonly Finding[];
  /** Impossible travel only: commitments of places that must be known before judging. */
  readonly placesNeeded?: (state: RuleState, event: SeenEvent) => readonly string[];
};
