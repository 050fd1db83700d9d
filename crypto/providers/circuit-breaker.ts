import type { Clock } from '../../kernel/index.ts';

/** Whether calls reach a provider: closed = yes, open = no, half-open = one does, to see whether it is back. */
export type CircuitState = 'closed' | 'open' | 'half-open';

/** Stops calls to something that keeps failing, and lets one through now and then. */
export type CircuitBreaker = {
  /** Asks for leave to call; every true must be followed by exactly one of the three below. */
  readonly admit: () => boolean;
  readonly succeeded: () => void;
  readonly failed: () => void;
  /** The call ended without telling anything of the other side. */
  readonly abandoned: () => void;
  readonly state: () => CircuitState;
  /** When the next call is let through; null while closed. */
  readonly retryAt: () => Date | null;
};

/** What the part needs. */
export type CircuitBreakerDeps = {
  readonly clock: Clock;
  /** Failures in a row, 1.. */
  readonly failuresToOpen: number;
  /** How long no call is made, milliseconds. */
  readonly openMilliseconds: number;
};

/** Makes a closed one. */
export function createCircuitBreaker(deps: CircuitBreakerDeps): CircuitBreaker {
  let failures = 0;
  let openUntil: number | null = null;
  let probing = false;
  const now = (): number => deps.clock.now().getTime();
  const state = (): CircuitState => {
    if (openUntil === null) return 'closed';
    return now() < openUntil ? 'open' : 'half-open';
  };
  return Object.freeze({
    admit: () => {
      const current = state();
      if (current === 'closed') return true;
      if (current === 'open' || probing) return false;
      probing = true;
      return true;
    },
    succeeded: () => {
      failures = 0;
      openUntil = null;
      probing = false;
    },
    failed: () => {
      failures += 1;
      probing = false;
      if (openUntil !== null || failures >= deps.failuresToOpen) openUntil = now() + deps.openMilliseconds;
    },
    abandoned: () => {
      probing = false;
    },
    state,
    retryAt: () => (openUntil === null ? null : new Date(openUntil)),
  });
}
