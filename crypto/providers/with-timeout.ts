import { setTimeout as wait } from 'node:timers/promises';
import { cryptoError } from '../errors.ts';

/**
 * Runs `work` and gives up on it after a while; its signal is aborted then. An answer that comes later goes to `onLate`,
 * because it may hold a key.
 *
 * @throws ERR_CRYPTO_ROOT, retryable, when time is over; the reason of `signal` when the caller gave up
 */
export async function withTimeout<T>(
  work: (signal: AbortSignal) => Promise<T>,
  options: {
    readonly milliseconds: number;
    readonly provider: string;
    readonly signal?: AbortSignal | undefined;
    readonly onLate?: (value: T) => void;
  },
): Promise<T> {
  options.signal?.throwIfAborted();
  const timer = new AbortController();
  const signal =
    options.signal === undefined ? timer.signal : AbortSignal.any([timer.signal, options.signal]);
  let given = false;
  const answer = work(signal).then((value) => {
    if (given) options.onLate?.(value);
    return value;
  });
  answer.catch(() => undefined); // after the race nobody waits for it
  const over = Promise.withResolvers<never>();
  const end = (reason: unknown): void => {
    given = true;
    over.reject(reason as Error); // an abort reason is what its caller throws
  };
  const timeout = setTimeout(() => {
    end(timedOut(options.provider, options.milliseconds));
    timer.abort();
  }, options.milliseconds);
  const onAbort = (): void => end(options.signal?.reason);
  options.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([answer, over.promise]);
  } finally {
    clearTimeout(timeout);
    options.signal?.removeEventListener('abort', onAbort);
  }
}

function timedOut(provider: string, milliseconds: number): Error {
  return cryptoError(
    'ERR_CRYPTO_ROOT',
    `the root provider "${provider}" did not answer in ${milliseconds} ms`,
    {
      details: { retryable: true, timedOut: true },
    },
  );
}

/** A pause that ends at once, by throwing, when the caller gives up. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await wait(milliseconds, undefined, signal === undefined ? {} : { signal });
}
