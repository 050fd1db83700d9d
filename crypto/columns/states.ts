/** How far one tenant's rows are. */
export type ColumnState = 'dual_write' | 'backfilled' | 'verified' | 'cut_over' | 'reverted';

/** What is done to a migration. `revert` goes one step back. */
export type ColumnStep = 'start' | 'backfill' | 'verify' | 'cut_over' | 'revert';

/** What was done to the table itself, for all tenants. */
export type LayoutState = 'preparing' | 'prepared' | 'dropping' | 'dropped';

const transitions: Readonly<Record<ColumnState, Readonly<Partial<Record<ColumnStep, ColumnState>>>>> =
  Object.freeze({
    dual_write: { start: 'dual_write', backfill: 'backfilled', revert: 'reverted' },
    backfilled: { start: 'backfilled', backfill: 'backfilled', verify: 'verified', revert: 'dual_write' },
    verified: {
      start: 'verified',
      backfill: 'verified',
      verify: 'verified',
      cut_over: 'cut_over',
      revert: 'backfilled',
    },
    cut_over: {
      start: 'cut_over',
      backfill: 'cut_over',
      verify: 'cut_over',
      cut_over: 'cut_over',
      revert: 'backfilled',
    },
    reverted: { start: 'dual_write', revert: 'reverted' },
  });

/** @returns the state after the step, or null when the step is not possible from here */
export function nextState(state: ColumnState, step: ColumnStep): ColumnState | null {
  return transitions[state][step] ?? null;
}

/** The steps that are possible from a state, for messages. */
export function stepsFrom(state: ColumnState): readonly ColumnStep[] {
  return Object.keys(transitions[state]) as ColumnStep[]; // the keys were just declared
}

/**
 * Which columns the rows of a tenant are read from and written to.
 * `plain`: plaintext alone; `both_read_plain`, `both_read_ciphertext`: written to both; `ciphertext`: plaintext is gone or going.
 */
export type ColumnPhase = 'plain' | 'both_read_plain' | 'both_read_ciphertext' | 'ciphertext';

/** @param state - of the tenant; null when it has no migration of this column */
export function phaseOf(layout: LayoutState, state: ColumnState | null): ColumnPhase {
  if (layout === 'dropping' || layout === 'dropped') return 'ciphertext';
  if (layout === 'preparing' || state === null || state === 'reverted') return 'plain';
  return state === 'cut_over' ? 'both_read_ciphertext' : 'both_read_plain';
}
