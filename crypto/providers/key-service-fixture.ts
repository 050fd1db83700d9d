import { createPublicKey, randomBytes, type JsonWebKey } from 'node:crypto';
import { createServer as createHttp, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { CompactEncrypt } from 'jose';
import type { ProviderFault } from './faulty-provider.ts';

/** How a key service of a test misbehaves; beyond the faults of every provider. */
export type KeyServiceFault =
  | ProviderFault
  | 'refused'
  | 'redirect'
  | 'oversized'
  | 'not_json'
  | 'other_kid'
  | 'other_algorithm'
  | 'short_key'
  | 'old_answer';

/** A tenant's key service as it runs at the tenant: keys by id, answered as JWE. */
export type KeyService = {
  readonly url: string;
  readonly keys: Map<string, Buffer>;
  readonly calls: { count: number; authorization: (string | undefined)[] };
  fault: KeyServiceFault | null;
  /** What it encrypts to, as the house showed it. */
  publicKey: JsonWebKey | null;
  bearer: string | null;
  readonly close: () => Promise<void>;
};

const slowMilliseconds = 300;

/** Starts one on a free port of loopback. @param tls - key and certificate in PEM; plain HTTP without */
export async function startKeyService(tls?: {
  readonly key: string;
  readonly cert: string;
}): Promise<KeyService> {
  const state = { fault: null, publicKey: null, bearer: null } as Pick<
    KeyService,
    'fault' | 'publicKey' | 'bearer'
  >; // set by tests
  const keys = new Map([['key-1', randomBytes(32)]]);
  const calls: KeyService['calls'] = { count: 0, authorization: [] };
  const listener: RequestListener = (request, response) => {
    calls.count += 1;
    calls.authorization.push(request.headers.authorization);
    if (state.bearer !== null && request.headers.authorization !== `Bearer ${state.bearer}`)
      return void response.writeHead(401).end();
    void answer(state, keys, new URL(request.url ?? '/', 'http://service'), response);
  };
  const server = tls === undefined ? createHttp(listener) : createHttps(tls, listener);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo; // listening on TCP
  return Object.assign(state, {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/keys/{kid}`,
    keys,
    calls,
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => void server.close(closed));
    },
  });
}

async function answer(
  { fault, publicKey }: Pick<KeyService, 'fault' | 'publicKey'>,
  keys: ReadonlyMap<string, Buffer>,
  url: URL,
  response: ServerResponse,
): Promise<void> {
  const kid = decodeURIComponent(url.pathname.split('/').at(-1) ?? '');
  const key = keys.get(kid);
  if (fault === 'timeout') return;
  if (fault === 'slow') await new Promise((done) => void setTimeout(done, slowMilliseconds));
  if (fault === 'throttle') return void response.writeHead(429, { 'retry-after': '1' }).end();
  if (fault === 'disabled' || fault === 'refused') return void response.writeHead(403).end();
  if (fault === 'redirect') return void response.writeHead(302, { location: url.href }).end();
  if (fault === 'gone' || key === undefined) return void response.writeHead(404).end();
  if (fault === 'oversized') return void response.end(`"${'x'.repeat(100_000)}"`);
  if (fault === 'not_json') return void response.end('<html>');
  const material = fault === 'wrong_answer' ? randomBytes(32) : key;
  const jwe = await new CompactEncrypt(fault === 'short_key' ? material.subarray(0, 16) : material)
    .setProtectedHeader({
      alg: publicKey?.['kty'] === 'EC' ? 'ECDH-ES' : 'RSA-OAEP-256',
      enc: fault === 'other_algorithm' ? 'A256CBC-HS512' : 'A256GCM',
      kid,
      jti: fault === 'old_answer' ? 'of yesterday' : (url.searchParams.get('requestId') ?? ''),
    })
    .encrypt(createPublicKey({ key: publicKey ?? {}, format: 'jwk' }));
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ kid: fault === 'other_kid' ? 'key-2' : kid, jwe }));
}
