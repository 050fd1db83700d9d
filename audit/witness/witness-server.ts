import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '../../kernel/index.ts';
import { addCheckpoint, type WitnessDeps } from './add-checkpoint.ts';

/** A running witness. */
export type WitnessServer = { readonly url: string; readonly stop: () => Promise<void> };

/** Where and how it serves. */
export type WitnessServerOptions = WitnessDeps & {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly logger: Logger;
};

/** Two ML-DSA-44 signatures, 63 hashes and room to spare. */
const maxBodyBytes = 64 * 1024;
const requestMilliseconds = 10_000;
const monitorPath = /^\/([0-9a-f]{64})\/checkpoint$/;

/** Serves `POST /add-checkpoint` and `GET /<sha256 of origin>/checkpoint`. @see https://c2sp.org/tlog-witness */
export async function startWitnessServer(options: WitnessServerOptions): Promise<WitnessServer> {
  const server = createServer((request, response) => {
    serve(options, request, response).catch((error: unknown) => {
      options.logger.error('the witness could not answer', { error });
      answer(response, 500, 'the witness could not answer; try again\n');
    });
  });
  server.requestTimeout = requestMilliseconds;
  server.headersTimeout = requestMilliseconds;
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(options.port, options.host, done);
  });
  const { address, port, family } = server.address() as AddressInfo; // it listens on TCP
  const host = family === 'IPv6' ? `[${address}]` : address;
  return Object.freeze({ url: `http://${host}:${port}`, stop: () => stop(server) });
}

async function serve(
  options: WitnessServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '').split('?')[0] ?? '';
  if (path === '/add-checkpoint') {
    if (request.method !== 'POST') return answer(response, 405, 'only POST\n', { allow: 'POST' });
    const body = await readBody(request);
    if (body === null)
      return answer(response, 413, `at most ${maxBodyBytes} bytes\n`, { connection: 'close' });
    const { status, contentType, body: text } = await addCheckpoint(options, body);
    options.logger.info('a checkpoint was submitted', { status });
    return answer(response, status, text, { 'content-type': contentType });
  }
  const [, hash] = monitorPath.exec(path) ?? [];
  const note = hash === undefined || request.method !== 'GET' ? null : await options.store.noteByHash(hash);
  if (note === null) return answer(response, 404, 'there is nothing here\n');
  answer(response, 200, note, { 'cache-control': 'max-age=1' });
}

async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    chunks.push(chunk as Buffer); // no encoding is set
    length += (chunk as Buffer).length;
    if (length > maxBodyBytes) return null;
  }
  return Buffer.concat(chunks);
}

function answer(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent) return;
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers });
  response.end(body);
}

function stop(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => done());
    server.closeIdleConnections();
  });
}
