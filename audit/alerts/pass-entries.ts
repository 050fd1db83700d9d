import type { Tx } from '../../db/index.ts';
import { parseLeafBody } from '../leaf.ts';
import { readDetail } from '../read-detail.ts';
import type { Evaluator, Raised } from './evaluator.ts';
import type { Places } from './places.ts';
import { seeEvent } from './seen-event.ts';

/** A rule at work from a sequence number on. */
export type RunningRule = { readonly id: string; readonly since: number; readonly evaluator: Evaluator };
/** An entry of the log. */
export type Entry = { readonly seq: number; readonly body: Buffer };
/** What came of some entries. */
export type Passed = {
  readonly raised: readonly { readonly ruleId: string; readonly raised: Raised }[];
  /** First entry that was not passed. */
  readonly next: number;
  /** When the last one was received, in milliseconds; null for none. */
  readonly lastReceivedAt: number | null;
  /** Sealed client addresses that were opened. */
  readonly opened: number;
};

/** Which rules may care for an action; asked once for each action. */
export type RulesByAction = (action: string) => readonly RunningRule[];

/** Remembers the answer: a log has many events of few actions. */
export function rulesByAction(rules: readonly RunningRule[]): RulesByAction {
  const known = new Map<string, readonly RunningRule[]>();
  return (action) => {
    const before = known.get(action);
    if (before !== undefined) return before;
    const found = rules.filter(({ evaluator }) => evaluator.mayMatch(action));
    known.set(action, found);
    return found;
  };
}

/**
 * Shows entries to rules, in the order of the log. The live follower and the back-test both do exactly this.
 *
 * @param stopAfter - so many alerts end the run early, after the entry that made them; work goes on at `next`
 */
export async function passEntries(
  tx: Tx,
  entries: readonly Entry[],
  { rulesOf, places, stopAfter }: { rulesOf: RulesByAction; places: Places; stopAfter: number },
): Promise<Passed> {
  const raised: { ruleId: string; raised: Raised }[] = [];
  let opened = 0;
  let next = entries[0]?.seq ?? 0;
  let lastReceivedAt: number | null = null;
  for (const { seq, body } of entries) {
    const parsed = parseLeafBody(body);
    const rules = rulesOf(parsed.action);
    next = seq + 1;
    lastReceivedAt = seq === entries.at(-1)?.seq ? Date.parse(parsed.receivedAt) : lastReceivedAt;
    if (rules.length === 0) continue;
    const detail = parsed.detailDigest === undefined ? (parsed.detail ?? {}) : await readDetail(tx, parsed);
    const event = seeEvent(seq, parsed, detail);
    for (const { id, since, evaluator } of rules) {
      if (seq < since) continue;
      const needed = evaluator.placesNeeded(event);
      if (needed.length > 0) opened += await places.learn(tx, needed);
      for (const found of evaluator.pass(event)) raised.push({ ruleId: id, raised: found });
    }
    if (raised.length >= stopAfter) return { raised, next, lastReceivedAt: event.receivedAt, opened };
  }
  return { raised, next, lastReceivedAt, opened };
}
