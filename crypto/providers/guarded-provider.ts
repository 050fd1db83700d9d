import { isGatehouseError, type Clock, type RandomBytes, type TenantId } from '../../kernel/index.ts';
import { keyBytes } from '../derive.ts';
import { cryptoError } from '../errors.ts';
import type { ProviderCall, RootProvider } from '../root-provider.ts';
import { isWrappedLength } from './check-input.ts';
import { createCircuitBreaker, type CircuitBreaker } from './circuit-breaker.ts';
import { defaultGuardLimits, type GuardLimits } from './guard-limits.ts';
import { createRefusals, type Refusals } from './refusals.ts';
import { pause, withTimeout } from './with-timeout.ts';

/** How a call to a provider ended. */
export type CallOutcome =
  'success' | 'timed_out' | 'unavailable' | 'revoked' | 'failed' | 'wrong_answer' | 'abandoned';

/** One call, whatever number of attempts it took. */
export type CallReport = {
  readonly tenantId: TenantId;
  readonly provider: string;
  readonly operation: 'wrap' | 'unwrap' | 'schedule_destroy';
  readonly epoch: number;
  readonly outcome: CallOutcome;
  readonly attempts: number;
  /** Wall time, pauses included. */
  readonly milliseconds: number;
};

/** What the guard needs. */
export type GuardDeps = {
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** Told of every call that reached the provider, after it ended; must not throw. */
  readonly onCall?: (report: CallReport) => void;
  readonly limits?: Partial<GuardLimits>;
  /** Default: a timer. */
  readonly pause?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
};

type Guarded = {
  readonly inner: RootProvider;
  readonly deps: GuardDeps;
  readonly limits: GuardLimits;
  readonly breaker: CircuitBreaker;
  readonly refusals: Refusals;
};
type Task<T> = {
  readonly operation: CallReport['operation'];
  readonly tenantId: TenantId;
  readonly epoch: number;
  readonly signal: AbortSignal | undefined;
  readonly work: (signal: AbortSignal) => Promise<T>;
  /** False for an answer that cannot be right. */
  readonly isPlausible: (value: T) => boolean;
  readonly onLate?: (value: T) => void;
};

/**
 * Puts time-outs, bounded retries with jitter, and a circuit breaker around a provider. Only failures that the provider
 * calls retryable are tried again; a refusal or a wrong answer never is.
 *
 * @see CallReport for what is told of every call
 */
export function createGuardedProvider(inner: RootProvider, deps: GuardDeps): RootProvider {
  const limits = { ...defaultGuardLimits, ...deps.limits };
  const breaker = createCircuitBreaker({ clock: deps.clock, ...limits });
  const guarded = { inner, deps, limits, breaker, refusals: createRefusals(deps.clock, limits) };
  return Object.freeze({
    name: inner.name,
    wrap: (tenantId: TenantId, epoch: number, key: Buffer, call: ProviderCall = {}) =>
      run(guarded, {
        ...{ operation: 'wrap', tenantId, epoch, signal: call.signal },
        work: (signal) => inner.wrap(tenantId, epoch, key, { signal }),
        isPlausible: isWrappedLength,
      }),
    unwrap: (tenantId: TenantId, epoch: number, wrapped: Buffer, call: ProviderCall = {}) =>
      run(guarded, {
        ...{ operation: 'unwrap', tenantId, epoch, signal: call.signal },
        work: (signal) => inner.unwrap(tenantId, epoch, wrapped, { signal }),
        isPlausible: ({ length }) => length === keyBytes,
        onLate: (key) => key.fill(0),
      }),
    scheduleDestroy: (tenantId: TenantId, epoch: number) =>
      run(guarded, {
        ...{ operation: 'schedule_destroy', tenantId, epoch, signal: undefined },
        work: () => inner.scheduleDestroy(tenantId, epoch),
        isPlausible: () => true,
      }),
    describe: () => timed(guarded, () => inner.describe()),
    health: () => healthOf(guarded),
  });
}

/** One call: attempts, then the report. What the circuit or a remembered refusal stops is no call. */
async function run<T>(guarded: Guarded, task: Task<T>): Promise<T> {
  if (task.operation !== 'schedule_destroy') guarded.refusals.throwIfRefused(task.tenantId, task.epoch);
  const startedAt = performance.now();
  const counted = { attempts: 0 };
  const report = (outcome: CallOutcome): void => {
    if (counted.attempts === 0) return;
    const { operation, tenantId, epoch } = task;
    const milliseconds = Math.round(performance.now() - startedAt);
    guarded.deps.onCall?.({
      ...{ tenantId, provider: guarded.inner.name, operation, epoch, outcome },
      ...{ attempts: counted.attempts, milliseconds },
    });
  };
  try {
    const value = await attempt(guarded, task, counted, startedAt + guarded.limits.totalMilliseconds);
    report('success');
    return value;
  } catch (error) {
    // A sealed house calls nobody, and could not record it.
    if (!isGatehouseError(error) || error.code !== 'ERR_CRYPTO_UNSEAL')
      report(task.signal?.aborted === true ? 'abandoned' : outcomeOf(error));
    throw error;
  }
}

async function attempt<T>(
  guarded: Guarded,
  task: Task<T>,
  counted: { attempts: number },
  deadline: number,
): Promise<T> {
  const { breaker, limits, deps } = guarded;
  for (;;) {
    if (!breaker.admit()) throw circuitOpen(guarded);
    counted.attempts += 1;
    try {
      const value = await attemptOnce(guarded, task, deadline);
      breaker.succeeded();
      return value;
    } catch (error) {
      const known = isGatehouseError(error) ? error : foreign(guarded.inner.name, error);
      if (task.signal?.aborted === true) {
        breaker.abandoned();
        throw error;
      }
      settle(guarded, task, known);
      const milliseconds = pauseBefore(guarded, counted.attempts, known);
      const late = performance.now() + milliseconds >= deadline;
      if (known.details['retryable'] !== true || counted.attempts >= limits.attempts || late) throw known;
      await (deps.pause ?? pause)(milliseconds, task.signal);
    }
  }
}

async function attemptOnce<T>(guarded: Guarded, task: Task<T>, deadline: number): Promise<T> {
  const left = Math.max(1, Math.round(deadline - performance.now()));
  const value = await withTimeout(task.work, {
    milliseconds: Math.min(guarded.limits.timeoutMilliseconds, left),
    provider: guarded.inner.name,
    signal: task.signal,
    ...(task.onLate === undefined ? {} : { onLate: task.onLate }),
  });
  if (task.isPlausible(value)) return value;
  task.onLate?.(value);
  throw cryptoError(
    'ERR_CRYPTO_ROOT',
    `the root provider "${guarded.inner.name}" answered "${task.operation}" with a value of the wrong length; nothing was used of it`,
    { details: { wrongAnswer: true } },
  );
}

/** A provider that answers is well, even when it answers no; one that does not is counted. */
function settle<T>(guarded: Guarded, task: Task<T>, error: { code: string; details: object }): void {
  const { retryable, foreign: unknown } = error.details as { retryable?: unknown; foreign?: unknown }; // read, not trusted
  if (retryable === true || unknown === true) guarded.breaker.failed();
  else guarded.breaker.succeeded();
  if (error.code === 'ERR_CRYPTO_KEY_REVOKED') guarded.refusals.add(task.tenantId, task.epoch, error);
}

/** Full jitter, so that processes that failed together do not come back together. */
function pauseBefore(
  { limits, deps }: Guarded,
  attempts: number,
  error: { details: Readonly<Record<string, unknown>> },
): number {
  const asked = error.details['retryAfterMilliseconds'];
  const least = typeof asked === 'number' && asked > 0 ? asked : 0;
  const widest = limits.pauseMilliseconds * 2 ** (attempts - 1);
  const share = deps.randomBytes(4).readUInt32BE() / 2 ** 32;
  return Math.round(Math.min(limits.maxPauseMilliseconds, least + widest * share));
}

function outcomeOf(error: unknown): CallOutcome {
  if (!isGatehouseError(error)) return 'failed';
  if (error.code === 'ERR_CRYPTO_KEY_REVOKED') return 'revoked';
  if (error.details['timedOut'] === true) return 'timed_out';
  if (error.details['wrongAnswer'] === true) return 'wrong_answer';
  return error.details['retryable'] === true ? 'unavailable' : 'failed';
}

function foreign(provider: string, cause: unknown): ReturnType<typeof cryptoError> {
  return cryptoError('ERR_CRYPTO_ROOT', `the root provider "${provider}" failed; the log says how`, {
    cause,
    details: { foreign: true },
  });
}

function circuitOpen({ inner, breaker }: Guarded): Error {
  const at = breaker.retryAt()?.toISOString() ?? 'once the call under way has ended';
  return cryptoError(
    'ERR_CRYPTO_ROOT',
    `the root provider "${inner.name}" failed several times in a row and is left alone; it is asked again at ${at}`,
    { details: { retryable: true, circuitOpen: true } },
  );
}

const timed = <T>({ inner, limits }: Guarded, work: (signal: AbortSignal) => Promise<T>): Promise<T> =>
  withTimeout(work, { milliseconds: limits.timeoutMilliseconds, provider: inner.name });

async function healthOf(guarded: Guarded): Promise<{ readonly ok: boolean; readonly detail: string }> {
  const state = guarded.breaker.state();
  if (state === 'open')
    return { ok: false, detail: `the circuit to the root provider "${guarded.inner.name}" is open` };
  try {
    return await timed(guarded, () => guarded.inner.health());
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : 'the root provider failed' };
  }
}
