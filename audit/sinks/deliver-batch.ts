import type { TrailEvent } from '../trail-view.ts';
import { encodeWithin, type Encoder } from './encode.ts';
import {
  ReceiverAway,
  type Encoded,
  type SinkPlace,
  type Transport,
  type TransportLimits,
} from './transport.ts';

/** What delivering needs. */
export type DeliverParts = {
  readonly transport: Transport;
  readonly limits: TransportLimits;
  readonly encode: Encoder;
  readonly place: SinkPlace;
  readonly signal: () => AbortSignal;
};

/** One event that the receiver refuses as it is. */
export type Refusal = { readonly seq: number; readonly action: string; readonly reason: string };

/** How far a run of events came. */
export type Progress = {
  /** Events that the receiver took. */
  readonly delivered: number;
  readonly refused: readonly Refusal[];
};

/**
 * Delivers events in order. When a batch is refused its events go one by one, so that a poisoned one stands alone; a
 * receiver that refuses ten of a batch and takes none is treated as away, so that a mistake there drops nothing.
 *
 * @param after - called after each batch with where the next one begins; what it throws ends the delivery
 * @throws when the receiver is away; what `after` was told stays delivered
 */
export async function deliverEvents(
  parts: DeliverParts,
  events: readonly TrailEvent[],
  after: (nextSeq: number, progress: Progress) => Promise<void>,
): Promise<void> {
  for (const batch of batches(parts, events)) {
    const progress = await deliverOne(parts, batch);
    await after((batch.at(-1)?.seq ?? 0) + 1, progress);
  }
}

/** So many events in a row refused one by one, and none taken: the receiver is at fault, not the events. */
const refusalsOfABrokenReceiver = 10;

async function deliverOne({ transport, signal }: DeliverParts, batch: readonly Encoded[]): Promise<Progress> {
  const fitting = batch.filter(({ fits }) => fits);
  const refused = batch.filter(({ fits }) => !fits).map((one) => refusal(one, tooLarge));
  if (fitting.length === 0) return { delivered: 0, refused };
  const whole = await transport.deliver(fitting, signal());
  if (whole.kind === 'delivered') return { delivered: fitting.length, refused };
  let [delivered, turnedAway] = [0, 0];
  for (const encoded of fitting) {
    const single = fitting.length === 1 ? whole : await transport.deliver([encoded], signal());
    if (single.kind === 'delivered') delivered += 1;
    else {
      refused.push(refusal(encoded, single.reason));
      turnedAway += 1;
    }
    if (delivered === 0 && turnedAway >= refusalsOfABrokenReceiver)
      throw new ReceiverAway(`every event is refused, so it is not the events: ${whole.reason}`);
  }
  return { delivered, refused };
}

const tooLarge = 'even without its detail the event is larger than this receiver takes';
const refusal = ({ seq, event }: Encoded, reason: string): Refusal => ({ seq, action: event.action, reason });

/** Runs of events within the bounds of the receiver; one that is larger than a batch goes alone. */
function* batches(
  { encode, limits, place }: DeliverParts,
  events: readonly TrailEvent[],
): Generator<readonly Encoded[]> {
  let batch: Encoded[] = [];
  let bytes = 0;
  for (const event of events) {
    const encoded = encodeWithin(encode, event, place, limits.maxEventBytes);
    const size = Buffer.byteLength(encoded.text) + 1;
    if (batch.length > 0 && (batch.length >= limits.maxEvents || bytes + size > limits.maxBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(encoded);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
