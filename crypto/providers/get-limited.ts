import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { AddressRules } from '../../kernel/index.ts';
import { createCheckedLookup } from './address-rules.ts';

/** An answer as it came: nothing followed, nothing decoded. */
export type LimitedAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
};

/** What a request may cost. */
export type LimitedRequest = {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly rules: AddressRules;
  /** Longest body, bytes. */
  readonly maxBytes: number;
  /** PEM of the only authorities that are trusted for this server; default: those of the runtime. */
  readonly certificateAuthority?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Whole answer, milliseconds; default 10,000. */
  readonly timeoutMilliseconds?: number;
};

/** The answer has more bytes than were allowed. */
export class OversizedAnswerError extends Error {
  override readonly name = 'OversizedAnswerError';
}

const defaultTimeout = 10_000;
const maxHeaderBytes = 16_384;

/**
 * GET with limits: no redirect, no cookie, no shared connection, no proxy; a bounded body; addresses as the rules allow.
 *
 * @throws what the network says; {@link OversizedAnswerError}; the reason of `signal`
 */
export function getLimited(options: LimitedRequest): Promise<LimitedAnswer> {
  const { url, maxBytes, certificateAuthority } = options;
  const timeout = AbortSignal.timeout(options.timeoutMilliseconds ?? defaultTimeout);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const call = request(url, {
      ...{ method: 'GET', agent: false, signal, maxHeaderSize: maxHeaderBytes },
      headers: { ...options.headers, accept: 'application/json', 'accept-encoding': 'identity' },
      lookup: createCheckedLookup(options.rules),
      ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }),
      minVersion: 'TLSv1.2',
    });
    call.on('error', reject);
    call.on('response', (response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on('data', (part: Buffer) => {
        bytes += part.length;
        if (bytes > maxBytes) response.destroy(new OversizedAnswerError('the answer is too long'));
        else parts.push(part);
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
      );
    });
    call.end();
  });
}
