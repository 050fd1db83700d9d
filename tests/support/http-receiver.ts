import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One call that a receiver got. */
export type Received = { readonly headers: IncomingHttpHeaders; readonly body: string };
/** What it answers; `hang` never answers. */
export type Answer =
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }
  | 'hang';

/** A receiver on loopback that keeps what it got. */
export type HttpReceiver = {
  readonly url: string;
  readonly received: readonly Received[];
  /** From now on it answers so. */
  readonly answer: (with_: (call: Received) => Answer | Promise<Answer>) => void;
  readonly close: () => Promise<void>;
};

/** Listens on any free port and answers 204. */
export async function startHttpReceiver(): Promise<HttpReceiver> {
  const received: Received[] = [];
  let answer: (call: Received) => Answer | Promise<Answer> = () => ({ status: 204 });
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const call = { headers: request.headers, body: Buffer.concat(parts).toString('utf8') };
      void Promise.resolve(answer(call)).then((decided) => {
        if (decided === 'hang') return;
        if (decided.status < 300) received.push(call);
        response.writeHead(decided.status, decided.headers).end(decided.body ?? '');
      });
    });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`, // listening on TCP
    received,
    answer: (with_) => {
      answer = with_;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((closed) => server.close(() => closed()));
    },
  };
}
