import { Worker } from 'node:worker_threads';
import { cryptoError } from '../errors.ts';
import type { Pkcs11Failure, Pkcs11Reply, Pkcs11Settings, Pkcs11Work } from './pkcs11-messages.ts';

/** Hands work to the token without ever blocking this thread. */
export type Pkcs11Thread = {
  /** @throws ERR_CRYPTO_ROOT, ERR_CRYPTO_KEY_REVOKED; the signal's reason when nobody waits any more */
  readonly ask: (work: Pkcs11Work, signal?: AbortSignal) => Promise<Uint8Array | string>;
};

type Waiting = { readonly done: (reply: Pkcs11Reply) => void; readonly fail: (error: Error) => void };
type Thread = { readonly worker: Worker; readonly waiting: Map<number, Waiting> };

/** Threads that hang in the library and were left; more of them would only hang as well. */
const maxLeft = 4;

/**
 * One thread for one token. When a caller gives up, the thread may hang in native code, which nothing can interrupt: it
 * is left to itself and the next call gets a new one.
 */
export function createPkcs11Thread(settings: () => Pkcs11Settings): Pkcs11Thread {
  let current: Thread | null = null;
  let left = 0;
  let nextId = 0;
  let pinRefused: Pkcs11Failure | null = null;
  const leave = (thread: Thread): void => {
    if (current !== thread) return;
    current = null;
    left += 1;
    void thread.worker.terminate().then(() => (left -= 1)); // ends once the library comes back
    for (const { fail } of thread.waiting.values()) fail(lost('another call to the token was given up'));
    thread.waiting.clear();
  };
  const obtain = (): Thread => {
    if (current !== null) return current;
    if (left >= maxLeft) throw lost(`the token hangs: ${left} calls never came back`);
    const thread = startThread(settings(), () => {
      if (current === thread) current = null;
    });
    current = thread;
    return thread;
  };
  return Object.freeze({
    ask: async (work: Pkcs11Work, signal?: AbortSignal) => {
      signal?.throwIfAborted();
      if (pinRefused !== null) throw errorOf(pinRefused);
      const thread = obtain();
      const id = (nextId += 1);
      const onAbort = (): void => leave(thread);
      signal?.addEventListener('abort', onAbort, { once: true });
      try {
        const reply = await send(thread, id, work);
        if ('value' in reply) return reply.value;
        if (reply.failure.kind === 'pin') pinRefused = reply.failure;
        throw errorOf(reply.failure);
      } finally {
        signal?.removeEventListener('abort', onAbort);
      }
    },
  });
}

function send({ worker, waiting }: Thread, id: number, work: Pkcs11Work): Promise<Pkcs11Reply> {
  return new Promise((done, fail) => {
    waiting.set(id, { done, fail });
    worker.ref(); // the process stays for an answer, not for an idle thread
    worker.postMessage({ id, work });
  });
}

function startThread(settings: Pkcs11Settings, onExit: () => void): Thread {
  const worker = new Worker(new URL('./pkcs11-worker.ts', import.meta.url), {
    workerData: settings,
    name: 'pkcs11',
  });
  const waiting = new Map<number, Waiting>();
  worker.unref();
  worker.on('message', (reply: Pkcs11Reply) => {
    waiting.get(reply.id)?.done(reply);
    waiting.delete(reply.id);
    if (waiting.size === 0) worker.unref();
  });
  const end = (error: Error): void => {
    onExit();
    for (const { fail } of waiting.values()) fail(error);
    waiting.clear();
  };
  worker.on('error', (cause) => end(lost('the thread of the token ended', cause)));
  worker.on('exit', () => end(lost('the thread of the token ended')));
  return { worker, waiting };
}

const lost = (message: string, cause?: unknown): Error =>
  cryptoError('ERR_CRYPTO_ROOT', message, { cause, details: { retryable: true } });

function errorOf({ kind, message, answer }: Pkcs11Failure): Error {
  const code = kind === 'revoked' || kind === 'pin' ? 'ERR_CRYPTO_KEY_REVOKED' : 'ERR_CRYPTO_ROOT';
  return cryptoError(code, message, {
    details: { ...(answer === null ? {} : { answer }), ...(kind === 'passing' ? { retryable: true } : {}) },
  });
}
