import { z } from 'zod';

const entry = z.tuple([z.number(), z.number(), z.union([z.number(), z.string()])]);
/** An event that a rule remembers: when, sequence number, and what the kind needs to know of it. */
export type Remembered = z.output<typeof entry>;

/** What a rule remembers, as it is stored. Holds ids, times, numbers and commitments only. */
export const ruleStateSchema = z.object({
  /** By key, the one touched longest ago first. */
  keys: z.array(z.tuple([z.string(), z.array(entry)])),
  /** When the last alert about a key was. */
  quiet: z.array(z.tuple([z.string(), z.number()])),
  newest: z.number(),
  block: z.number(),
  hour: z.number(),
  inHour: z.number(),
  /** Absence: when the last event came, which it was, and whether the silence since then is known. */
  lastSeen: z.number().nullable(),
  lastSeq: z.number().nullable(),
  silent: z.boolean(),
  counts: z.object({ raised: z.number(), quiet: z.number(), flooded: z.number(), forgotten: z.number() }),
});
/** @see ruleStateSchema */
export type StoredRuleState = z.output<typeof ruleStateSchema>;

/** What a rule remembers, as it is worked on. */
export type RuleState = Omit<StoredRuleState, 'keys' | 'quiet'> & {
  readonly keys: Map<string, Remembered[]>;
  readonly quiet: Map<string, number>;
  entries: number;
};

/** More keys than this, and the one touched longest ago is forgotten. */
export const maxKeys = 5_000;
/** More remembered events than this over all keys, and the key touched longest ago is forgotten. */
export const maxEntries = 20_000;

/** Nothing remembered. @param since - for absence: when waiting begins, in milliseconds */
export function emptyState(since: number | null): RuleState {
  return {
    keys: new Map(),
    quiet: new Map(),
    entries: 0,
    newest: 0,
    block: -1,
    hour: -1,
    inHour: 0,
    lastSeen: since,
    lastSeq: null,
    silent: false,
    counts: { raised: 0, quiet: 0, flooded: 0, forgotten: 0 },
  };
}

/** As it is stored. */
export function storeState(state: RuleState): StoredRuleState {
  const { newest, block, hour, inHour, lastSeen, lastSeq, silent, counts } = state;
  const kept = { newest, block, hour, inHour, lastSeen, lastSeq, silent, counts };
  return { ...kept, keys: [...state.keys], quiet: [...state.quiet] };
}

/** Reads what was stored. */
export function readState(stored: unknown): RuleState {
  const { keys, quiet, ...rest } = ruleStateSchema.parse(stored);
  const entries = keys.reduce((sum, [, list]) => sum + list.length, 0);
  return { ...rest, keys: new Map(keys), quiet: new Map(quiet), entries };
}

/** How much of a key is kept. */
export type Keeping = {
  readonly windowMilliseconds: number;
  /** Events of one key; the oldest is forgotten. */
  readonly perKey: number;
};

/**
 * Puts an event among those of its key, in the order of their times, so that one that comes late finds its neighbours.
 * Kept is what lies within two windows of the key's newest. @returns the key's events, oldest first
 */
export function remember(
  state: RuleState,
  key: string,
  event: Remembered,
  { windowMilliseconds, perKey }: Keeping,
): Remembered[] {
  const list = state.keys.get(key) ?? [];
  const before = list.length;
  let at = list.length;
  while (at > 0 && isAfter(list[at - 1], event)) at -= 1;
  list.splice(at, 0, event);
  const oldest = (list.at(-1)?.[0] ?? 0) - 2 * windowMilliseconds;
  let drop = 0;
  while ((list[drop]?.[0] ?? Infinity) < oldest) drop += 1;
  const over = Math.max(0, list.length - drop - perKey);
  state.counts.forgotten += over;
  list.splice(0, drop + over);
  state.keys.delete(key);
  state.keys.set(key, list);
  state.entries += list.length - before;
  enforceBounds(state);
  return list;
}

const isAfter = (left: Remembered | undefined, right: Remembered): boolean =>
  left !== undefined && (left[0] > right[0] || (left[0] === right[0] && left[1] > right[1]));

function enforceBounds(state: RuleState): void {
  for (const [key, list] of state.keys) {
    if (state.keys.size <= maxKeys && state.entries <= maxEntries) return;
    if (state.keys.size === 1) return; // the key at hand is bounded by itself
    forget(state, key);
    state.counts.forgotten += list.length;
  }
}

/** Forgets a key. */
export function forget(state: RuleState, key: string): void {
  state.entries -= state.keys.get(key)?.length ?? 0;
  state.keys.delete(key);
}

const dayMilliseconds = 86_400_000;
const eventsPerBlock = 4_096;

/** At fixed places of the log, wherever work began: forgets what cannot matter any more. */
export function tidy(state: RuleState, seq: number, windowMilliseconds: number, quiet: number): void {
  const block = Math.floor(seq / eventsPerBlock);
  if (block === state.block) return;
  state.block = block;
  const horizon = state.newest - 2 * windowMilliseconds - dayMilliseconds;
  for (const [key, list] of state.keys) if ((list.at(-1)?.[0] ?? 0) < horizon) forget(state, key);
  for (const [key, at] of state.quiet)
    if (at < state.newest - quiet - dayMilliseconds) state.quiet.delete(key);
}
