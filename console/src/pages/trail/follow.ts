import { callRaw } from '../../api/client.ts';
import { ApiProblem } from '../../api/problem.ts';
import type { TrailEvent } from '../../api/types.ts';

/** How the connection is. */
export type FollowState = 'connecting' | 'live' | 'lost';

/** What a follower hears. */
export type FollowHandlers = {
  readonly onEvent: (event: TrailEvent) => void;
  readonly onState: (state: FollowState, lastId: number | null) => void;
  /** The server refuses; following has ended. */
  readonly onRefused: (error: ApiProblem) => void;
};

const firstRetryMilliseconds = 500;
const capRetryMilliseconds = 15_000;
/** The server says something at least every 15 s; silence for longer is a dead connection. */
const silenceMilliseconds = 40_000;

/**
 * Follows the tail and comes back after every lost connection with the last id that was seen, so that nothing is missed.
 * EventSource would hide both the state and the id, and gives up for good after an answer such as 503.
 *
 * @returns ends it
 */
export function followTail(query: string, from: number, handlers: FollowHandlers): () => void {
  const ended = new AbortController();
  let lastId: number | null = from > 0 ? from - 1 : null;
  let failures = 0;
  const connect = async (): Promise<void> => {
    handlers.onState('connecting', lastId);
    const once = new AbortController();
    const signal = AbortSignal.any([ended.signal, once.signal]);
    const cut = (): void => once.abort();
    addEventListener('offline', cut);
    try {
      const response = await callRaw(`/v1/audit/tail?${query}`, {
        signal,
        headers: {
          accept: 'text/event-stream',
          ...(lastId === null ? {} : { 'last-event-id': String(lastId) }),
        },
      });
      handlers.onState('live', lastId);
      for await (const message of messagesOf(response, cut)) {
        failures = 0;
        if (message.id !== null) lastId = message.id;
        if (message.event === 'entry') handlers.onEvent(JSON.parse(message.data) as TrailEvent); // the wire shape is the OpenAPI file's
      }
    } catch (error) {
      if (ended.signal.aborted) return;
      if (error instanceof ApiProblem && error.status >= 400 && error.status < 500 && error.status !== 429)
        return handlers.onRefused(error);
    } finally {
      removeEventListener('offline', cut);
    }
    if (ended.signal.aborted) return;
    handlers.onState('lost', lastId);
    await pause(Math.min(capRetryMilliseconds, firstRetryMilliseconds * 2 ** failures++), ended.signal);
    if (!ended.signal.aborted) await connect();
  };
  void connect();
  return () => ended.abort();
}

type Message = { readonly id: number | null; readonly event: string; readonly data: string };

/** @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation */
async function* messagesOf(response: Response, cut: () => void): AsyncGenerator<Message> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  let waiting = '';
  let alarm = setTimeout(cut, silenceMilliseconds);
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(alarm);
      alarm = setTimeout(cut, silenceMilliseconds);
      const blocks = (waiting + value).split('\n\n');
      waiting = blocks.pop() ?? '';
      for (const block of blocks) yield readBlock(block);
    }
  } finally {
    clearTimeout(alarm);
  }
}

function readBlock(block: string): Message {
  let [id, event, data]: [number | null, string, string] = [null, '', ''];
  for (const line of block.split('\n')) {
    const [, field, value = ''] = /^(id|event|data): ?(.*)$/.exec(line) ?? [];
    if (field === 'id' && /^\d+$/.test(value)) id = Number(value);
    if (field === 'event') event = value;
    if (field === 'data') data += value;
  }
  return { id, event, data };
}

/** Waits; coming back online ends the wait at once. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((wake) => {
    const done = (): void => {
      clearTimeout(timer);
      removeEventListener('online', done);
      signal.removeEventListener('abort', done);
      wake();
    };
    const timer = setTimeout(done, milliseconds);
    addEventListener('online', done);
    signal.addEventListener('abort', done);
  });
}
