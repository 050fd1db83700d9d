import type { OutboundAnswer } from './outbound-request.ts';
import { ReceiverAway, type Delivery } from './transport.ts';

/** Answers that speak of this body, not of the receiver's state or of our standing with it. */
const refusals = new Set([400, 413, 415, 422]);

/** What an HTTP answer means. Redirects and refused credentials keep the batch: somebody must mend the sink. @throws ReceiverAway */
export function deliveryOf({ status, retryAfter, body }: OutboundAnswer): Delivery {
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  if (refusals.has(status))
    return { kind: 'refused', reason: `the receiver answered ${status}${excerpt(body)}` };
  const later = retryAfter === null ? '' : `, retry after ${retryAfter.slice(0, 40)}`;
  throw new ReceiverAway(`the receiver answered ${status}${later}`);
}

const excerpt = (body: string): string => {
  const text = body.replaceAll(/[^\x20-\x7e]+/g, ' ').trim();
  return text === '' ? '' : `: ${text.slice(0, 200)}`;
};
