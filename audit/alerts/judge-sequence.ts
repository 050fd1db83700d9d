import { compileFilter } from './match-filter.ts';
import type { Judge } from './finding.ts';
import { forget, remember, type Remembered } from './rule-state.ts';
import type { RuleOf } from './rule.ts';

/** Events of one actor that are remembered; of more, the oldest are forgotten. */
const stepsPerActor = 200;

/** A, then B, then C by the same actor within the window, other events between them or not. */
export function judgeSequence(rule: RuleOf<'sequence'>): Judge {
  const windowMilliseconds = rule.windowSeconds * 1_000;
  const steps = rule.steps.map(compileFilter);
  const keeping = { windowMilliseconds, perKey: stepsPerActor };
  return {
    wants: (event) => steps.some((matches) => matches(event)),
    judge: (state, event) => {
      const key = event.body.actor.id;
      const met = steps.reduce((bits, matches, step) => (matches(event) ? bits | (1 << step) : bits), 0);
      const list = remember(state, key, [event.at, event.seq, met], keeping);
      const found = findChain(list, steps.length, windowMilliseconds);
      if (found === null) return [];
      forget(state, key);
      return [{ key, at: found.at, seqs: found.seqs, note: `${steps.length} steps in order` }];
    },
  };
}

type Chain = { readonly start: number; readonly at: number; readonly seqs: readonly number[] };

/** The chain that begins latest is the one that fits a window best. */
function findChain(list: readonly Remembered[], steps: number, window: number): Chain | null {
  const best: (Chain | undefined)[] = [];
  for (const [at, seq, met] of list) {
    // From the last step to the first: one event never stands for two steps of a chain.
    for (let step = steps - 1; step >= 0; step -= 1) {
      if ((Number(met) & (1 << step)) === 0) continue;
      const before = step === 0 ? { start: at, at, seqs: [] } : best[step - 1];
      if (before === undefined || at - before.start > window) continue;
      best[step] = { start: before.start, at, seqs: [...before.seqs, seq] };
    }
    const whole = best[steps - 1];
    if (whole !== undefined) return whole;
  }
  return null;
}
