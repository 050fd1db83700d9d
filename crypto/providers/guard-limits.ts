/** Bounds of every call to a root provider. */
export type GuardLimits = {
  /** How long one attempt may take, milliseconds; default 5,000. */
  readonly timeoutMilliseconds: number;
  /** How long all attempts of a call may take together, pauses included, milliseconds; default 12,000. */
  readonly totalMilliseconds: number;
  /** Attempts of a call, 1..10; only failures that may pass by themselves are tried again; default 3. */
  readonly attempts: number;
  /** The first pause is between 0 and this, the next between 0 and twice this, milliseconds; default 100. */
  readonly pauseMilliseconds: number;
  /** No pause is longer, milliseconds, whatever the provider asks for; default 2,000. */
  readonly maxPauseMilliseconds: number;
  /** Failed attempts in a row that open the circuit; default 5. */
  readonly failuresToOpen: number;
  /** How long an open circuit lets no call through, milliseconds; default 30,000. */
  readonly openMilliseconds: number;
  /** How long a refusal (key disabled, deleted, withdrawn) is believed without asking again, milliseconds; default 5,000. */
  readonly refusalMilliseconds: number;
};

/** See {@link GuardLimits}. */
export const defaultGuardLimits: GuardLimits = Object.freeze({
  timeoutMilliseconds: 5_000,
  totalMilliseconds: 12_000,
  attempts: 3,
  pauseMilliseconds: 100,
  maxPauseMilliseconds: 2_000,
  failuresToOpen: 5,
  openMilliseconds: 30_000,
  refusalMilliseconds: 5_000,
});
