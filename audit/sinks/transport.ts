import type { OcsfPlace } from '../ocsf/to-ocsf.ts';
import type { TrailEvent } from '../trail-view.ts';

/** An event on its way out, already in the form its receiver takes. */
export type Encoded = {
  readonly seq: number;
  readonly event: TrailEvent;
  /** UTF-8 text of one event, without a line end. */
  readonly text: string;
  /** False when even its smallest form is larger than this receiver takes. */
  readonly fits: boolean;
};

/** How a batch went. A receiver that is away is an exception: the batch is tried again later. */
export type Delivery =
  | { readonly kind: 'delivered' }
  /** The receiver will never take this as it is: a batch of several is tried one by one, a single event becomes a dead letter. */
  | { readonly kind: 'refused'; readonly reason: string };

/** Takes batches to one receiver, in order. */
export type Transport = {
  /** @throws when the receiver is away, slow or says "later" */
  readonly deliver: (batch: readonly Encoded[], signal: AbortSignal) => Promise<Delivery>;
  /** Lets go of connections. */
  readonly close: () => Promise<void>;
};

/** Bounds of one batch and one event. */
export type TransportLimits = {
  readonly maxEvents: number;
  readonly maxBytes: number;
  /** An event that is larger leaves its detail behind and names its digest instead. */
  readonly maxEventBytes: number;
};

/** Where events come from, as receivers are told. */
export type SinkPlace = OcsfPlace & { readonly logId: string };

/** A receiver is away; the message is shown to the tenant and holds no secret. */
export class ReceiverAway extends Error {
  override readonly name = 'ReceiverAway';
  /** What it asked for, seconds from now; null when it asked for nothing. */
  readonly retryAfterSeconds: number | null;

  constructor(message: string, options: ErrorOptions & { readonly retryAfterSeconds?: number | null } = {}) {
    super(message, options);
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }
}
