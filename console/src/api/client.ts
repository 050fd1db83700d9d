import { networkProblem, readProblem, type ApiProblem } from './problem.ts';
import { askForStepUp } from './step-up.ts';
import { csrfToken } from './session-state.ts';

/** Options of one call. */
export type CallOptions = {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Same key on a repeat, so that a write happens once. */
  readonly idempotencyKey?: string;
};

async function send(path: string, options: CallOptions): Promise<Response> {
  const method = options.method ?? 'GET';
  const headers: Record<string, string> = {
    accept: 'application/json, application/problem+json',
    ...options.headers,
  };
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  if (method !== 'GET') {
    const token = csrfToken();
    if (token !== null) headers['x-csrf-token'] = token;
    if (options.idempotencyKey !== undefined) headers['idempotency-key'] = options.idempotencyKey;
  }
  const init: RequestInit = { method, headers, credentials: 'same-origin', cache: 'no-store' };
  if (options.body !== undefined) init.body = JSON.stringify(options.body);
  if (options.signal !== undefined) init.signal = options.signal;
  return await fetch(path, init).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw networkProblem();
  });
}

/**
 * Calls the API and returns the raw response; asks for step-up in place and repeats the call once.
 *
 * @throws ApiProblem for every answer that is not a success
 */
export async function callRaw(path: string, options: CallOptions = {}): Promise<Response> {
  const once = { ...options, idempotencyKey: options.idempotencyKey ?? crypto.randomUUID() };
  const first = await send(path, once);
  if (first.ok) return first;
  const problem: ApiProblem = await readProblem(first);
  if (problem.code !== 'ERR_STEP_UP_REQUIRED' || !(await askForStepUp())) throw problem;
  const second = await send(path, once);
  if (second.ok) return second;
  throw await readProblem(second);
}

/** Calls the API and parses its JSON; an empty answer becomes null. */
export async function call<Result>(path: string, options: CallOptions = {}): Promise<Result> {
  const response = await callRaw(path, options);
  const text = await response.text();
  return (text === '' ? null : JSON.parse(text)) as Result; // the wire shape is the OpenAPI file's
}
