import type { OutboundAnswer } from './outbound-request.ts';
import { ReceiverAway, type Delivery } from './transport.ts';

/** Answers that speak of this body, not of the receiver's state or of our standing with it. */
const refusals = new Set([400, 413, 415, 422]);

/**
 * What an HTTP answer means. Redirects and refused credentials keep the batch: somebody must mend the sink.
 *
 * @throws ReceiverAway
 */
export function deliveryOf({ status, retryAfter, body }: OutboundAnswer, now: Date): Delivery {
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  if (refusals.has(status))
    return { kind: 'refused', reason: `the receiver answered ${status}${excerpt(body)}` };
  const retryAfterSeconds = retryAfter === null ? null : secondsUntil(retryAfter, now);
  const later = retryAfterSeconds === null ? '' : `, try again in ${retryAfterSeconds} s`;
  throw new ReceiverAway(`the receiver answered ${status}${later}`, { retryAfterSeconds });
}

/** @see RFC 9110 section 10.2.3 */
function secondsUntil(retryAfter: string, now: Date): number | null {
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter);
  const date = /^[A-Z][a-z]{2}, /.test(retryAfter) ? Date.parse(retryAfter) : Number.NaN;
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - now.getTime()) / 1_000));
}

const excerpt = (body: string): string => {
  const text = body.replaceAll(/[^\x20-\x7e]+/g, ' ').trim();
  return text === '' ? '' : `: ${text.slice(0, 200)}`;
};
