import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request on its way to the counterpart. */
export type ProxiedRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};
/** What goes back. */
export type ProxiedAnswer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
};
/** Passes a request on, changed or as it is. */
export type Forward = (changed?: Partial<ProxiedRequest>) => Promise<ProxiedAnswer>;
/** Decides what becomes of a request: an answer, none ever (`hang`), half of one (`cut`). */
export type ProxyRule = (
  request: ProxiedRequest,
  forward: Forward,
) => Promise<ProxiedAnswer | 'hang' | 'cut'>;

/** Stands between a provider and its real counterpart, on loopback. */
export type RuleProxy = {
  readonly url: string;
  /** `METHOD /path` of every request, in order. */
  readonly seen: string[];
  readonly setRule: (rule: ProxyRule | null) => void;
  readonly close: () => Promise<void>;
};

const passOn: ProxyRule = (_, forward) => forward();

/** @param target - origin of the counterpart @param always - rule that holds under every other one */
export async function startRuleProxy(target: string, always: ProxyRule = passOn): Promise<RuleProxy> {
  let rule: ProxyRule = passOn;
  const seen: string[] = [];
  const server = createServer((incoming, outgoing) => {
    void handle(incoming, outgoing).catch(() => outgoing.destroy());
  });
  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const request = await readRequest(incoming);
    seen.push(`${request.method} ${request.path}`);
    const answer = await rule(request, async (changed = {}) => {
      const below = await always({ ...request, ...changed }, (again = {}) =>
        send(target, { ...request, ...changed, ...again }),
      );
      if (typeof below === 'string') throw new Error('the lower rule gave no answer');
      return below;
    });
    if (answer === 'hang') return;
    if (answer === 'cut') {
      outgoing.writeHead(200, { 'content-length': '1000' });
      outgoing.write('{"data":', () => outgoing.destroy());
      return;
    }
    outgoing.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    outgoing.end(answer.body);
  };
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo; // a TCP server that listens
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    setRule: (next) => {
      rule = next ?? passOn;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

async function readRequest(incoming: IncomingMessage): Promise<ProxiedRequest> {
  const parts: Buffer[] = [];
  for await (const part of incoming as AsyncIterable<Buffer>) parts.push(part); // no encoding is set
  const { method = 'GET', url = '/', headers } = incoming;
  return { method, path: url, headers, body: Buffer.concat(parts).toString('utf8') };
}

const hopHeaders: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'expect',
]);

async function send(target: string, request: ProxiedRequest): Promise<ProxiedAnswer> {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    if (!hopHeaders.has(name) && value !== undefined) headers.set(name, String(value));
  const answer = await fetch(new URL(request.path, target), {
    method: request.method,
    headers,
    ...(request.body === '' ? {} : { body: request.body }),
  });
  const type = answer.headers.get('content-type');
  return {
    status: answer.status,
    ...(type === null ? {} : { headers: { 'content-type': type } }),
    body: await answer.text(),
  };
}
