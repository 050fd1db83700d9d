import { createHmac } from 'node:crypto';
import type { Clock } from '../../kernel/index.ts';
import { deliveryOf } from './http-answer.ts';
import type { ConfigurationOf, SinkSecrets } from './configuration.ts';
import type { OutboundRequest } from './outbound-request.ts';
import type { Encoded, SinkPlace, Transport } from './transport.ts';

/** What a delivery is signed with; `body` are the bytes as they are sent. */
export type SignedDelivery = {
  /** `whsec_` and base64 of the key. */
  readonly secret: string;
  readonly id: string;
  /** Seconds since 1970. */
  readonly timestamp: string;
  readonly body: Buffer;
};

/** The value of `webhook-signature`. @see https://www.standardwebhooks.com/ */
export function signDelivery({ secret, id, timestamp, body }: SignedDelivery): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
}

const types = {
  native: 'application/json',
  cloudevents: 'application/cloudevents-batch+json',
  ocsf: 'application/x-ndjson',
  cef: 'text/plain; charset=utf-8',
} as const;

/** What a webhook is made of. */
export type WebhookParts = {
  readonly configuration: ConfigurationOf<'webhook'>;
  readonly secrets: SinkSecrets;
  readonly place: SinkPlace;
  readonly sinkId: string;
  readonly clock: Clock;
  readonly request: OutboundRequest;
};

/**
 * One POST a batch, signed as Standard Webhooks ask; the id is that of the run of events, so a receiver knows a
 * repeated delivery.
 *
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function createWebhook(parts: WebhookParts): Transport {
  const { configuration, secrets, clock, request } = parts;
  const secret = secrets.signingSecret ?? '';
  return Object.freeze({
    deliver: async (batch: readonly Encoded[], signal: AbortSignal) => {
      const body = bodyOf(batch, parts);
      const id = `${parts.sinkId}.${batch[0]?.seq ?? 0}-${batch.at(-1)?.seq ?? 0}`;
      const timestamp = String(Math.floor(clock.now().getTime() / 1_000));
      const answer = await request({
        url: configuration.url,
        headers: {
          'content-type': types[configuration.format],
          'webhook-id': id,
          'webhook-timestamp': timestamp,
          'webhook-signature': signDelivery({ secret, id, timestamp, body }),
          ...(secrets.authorization === undefined ? {} : { authorization: secrets.authorization }),
        },
        body,
        signal,
        ...(configuration.caPem === undefined ? {} : { caPem: configuration.caPem }),
      });
      return deliveryOf(answer, clock.now());
    },
    close: () => Promise.resolve(),
  });
}

function bodyOf(batch: readonly Encoded[], { configuration, place, clock }: WebhookParts): Buffer {
  const texts = batch.map(({ text }) => text);
  switch (configuration.format) {
    case 'native': {
      const from = batch[0]?.seq ?? 0;
      const to = batch.at(-1)?.seq ?? 0;
      const head = `"type":"audit.events","timestamp":"${clock.now().toISOString()}"`;
      const log = JSON.stringify({ origin: place.logName, id: place.logId, from, to });
      return Buffer.from(`{${head},"data":{"log":${log},"events":[${texts.join(',')}]}}`, 'utf8');
    }
    case 'cloudevents':
      return Buffer.from(`[${texts.join(',')}]`, 'utf8');
    case 'ocsf':
    case 'cef':
      return Buffer.from(`${texts.join('\n')}\n`, 'utf8');
  }
}
