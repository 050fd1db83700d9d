import { request as plain } from 'node:http';
import { request as secure } from 'node:https';
import type { AddressRules } from '../../kernel/index.ts';
import { createLookup, requireEncrypted, requireReachable } from './outbound-address.ts';
import { ReceiverAway } from './transport.ts';

/** A call to a receiver. */
export type OutboundCall = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly caPem?: string;
  readonly signal: AbortSignal;
};
/** What came back; at most 64 KiB of it are kept. */
export type OutboundAnswer = {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: string;
};
/** Sends a POST and follows no redirect. @throws ReceiverAway */
export type OutboundRequest = (call: OutboundCall) => Promise<OutboundAnswer>;

const maxAnswerBytes = 65_536;

/** @param rules - where receivers may stand */
export function createOutboundRequest(rules: AddressRules): OutboundRequest {
  const lookup = createLookup(rules);
  return async ({ url, headers, body, caPem, signal }) => {
    const target = new URL(url);
    requireEncrypted(target.protocol === 'https:', rules);
    await requireReachable(target.hostname, rules);
    const send = target.protocol === 'https:' ? secure : plain;
    return new Promise<OutboundAnswer>((settle, fail) => {
      const away = (error: Error): void =>
        fail(new ReceiverAway(`${target.host} did not answer: ${error.message}`, { cause: error }));
      const call = send(
        target,
        {
          method: 'POST',
          headers: { ...headers, 'content-length': String(body.length), 'user-agent': 'Gatehouse' },
          lookup,
          signal,
          ...(caPem === undefined ? {} : { ca: caPem }),
        },
        (answer) => {
          const parts: Buffer[] = [];
          let bytes = 0;
          answer.on('data', (part: Buffer) => {
            bytes += part.length;
            if (bytes <= maxAnswerBytes) parts.push(part);
            else answer.destroy(new Error('its answer is too long'));
          });
          answer.on('error', away);
          answer.on('end', () =>
            settle({
              status: answer.statusCode ?? 0,
              retryAfter: answer.headers['retry-after'] ?? null,
              body: Buffer.concat(parts).toString('utf8'),
            }),
          );
        },
      );
      call.on('error', away);
      call.end(body);
    });
  };
}
