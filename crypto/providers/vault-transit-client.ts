import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Secret } from '../../kernel/index.ts';
import { vaultFailure, vaultUnreachable } from './vault-transit-errors.ts';

/** Where the server is and how it is spoken to. */
export type VaultConnection = {
  /** Origin of the server, https; http on loopback only. */
  readonly address: string;
  readonly token: Secret;
  /** Namespace of the mount; null for the root namespace. */
  readonly namespace: string | null;
  /** PEM certificates that sign the server's; null for those that the system trusts. */
  readonly certificateAuthority: string | null;
};

/** Answers of the server, parsed; its refusals are errors of this room. */
export type VaultClient = {
  /**
   * @param path - below `/v1/`, each part percent-encoded
   * @returns the answer's `data`; null when there is nothing (404 without a reason, 204)
   * @throws ERR_CRYPTO_ROOT, ERR_CRYPTO_KEY_REVOKED
   */
  readonly read: (path: string, signal?: AbortSignal) => Promise<unknown>;
  readonly write: (
    path: string,
    body: Readonly<Record<string, unknown>>,
    signal?: AbortSignal,
  ) => Promise<unknown>;
};

type Call = { readonly method: 'GET' | 'POST'; readonly path: string; readonly body: string | null };
type Answer = {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly text: string;
};

/** More than any answer of the transit backend that is asked for here. */
const maxAnswerBytes = 65_536;
const timeoutMilliseconds = 10_000;

/** Speaks to the server; follows no redirect, so that the token goes nowhere else. */
export function createVaultClient(connection: VaultConnection): VaultClient {
  const call = async (asked: Call, signal: AbortSignal | undefined): Promise<unknown> => {
    const timeout = AbortSignal.timeout(timeoutMilliseconds);
    const answer = await send(
      connection,
      asked,
      signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    ).catch((cause: unknown) => {
      throw vaultUnreachable(connection.address, cause);
    });
    return readAnswer(asked, answer);
  };
  return Object.freeze({
    read: (path: string, signal?: AbortSignal) => call({ method: 'GET', path, body: null }, signal),
    write: (path: string, body: Readonly<Record<string, unknown>>, signal?: AbortSignal) =>
      call({ method: 'POST', path, body: JSON.stringify(body) }, signal),
  });
}

function readAnswer(asked: Call, { status, retryAfter, text }: Answer): unknown {
  if (status === 204) return null;
  const body = parse(text);
  const errors = Array.isArray(body?.['errors'])
    ? body['errors'].filter((line): line is string => typeof line === 'string')
    : null;
  if (status === 404 && errors?.length === 0 && asked.method === 'GET') return null; // nothing of that name
  if (status === 200 && body !== null && errors === null) return body['data'] ?? null;
  throw vaultFailure({ status, errors: errors ?? [], isJson: body !== null, retryAfter });
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    // A JSON object has string keys.
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null; // no JSON: something between us and the server answered
  }
}

async function send(
  connection: VaultConnection,
  { method, path, body }: Call,
  signal: AbortSignal,
): Promise<Answer> {
  const url = new URL(`/v1/${path}`, connection.address);
  const options = {
    method,
    signal,
    agent: false as const, // rare calls: no socket is kept open
    headers: {
      'X-Vault-Token': connection.token.reveal(),
      'X-Vault-Request': 'true',
      ...(connection.namespace === null ? {} : { 'X-Vault-Namespace': connection.namespace }),
      ...(body === null
        ? {}
        : { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)) }),
    },
  };
  const answer = await new Promise<IncomingMessage>((done, reject) => {
    const ca = connection.certificateAuthority;
    const request =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...options, ...(ca === null ? {} : { ca }) }, done)
        : httpRequest(url, options, done);
    request.on('error', reject);
    request.end(body ?? undefined);
  });
  const text = await readText(answer);
  return { status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'], text };
}

async function readText(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    // no encoding is set
    bytes += part.length;
    if (bytes > maxAnswerBytes) {
      answer.destroy();
      throw new Error(`the answer has more than ${maxAnswerBytes} bytes`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
