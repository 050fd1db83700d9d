import type { LeafBody } from '../leaf.ts';
import { termsOf } from '../search/terms.ts';

/** An event as rules see it. */
export type SeenEvent = {
  readonly seq: number;
  /** When it happened, in milliseconds; never later than when we got it, whatever its sender's clock said. */
  readonly at: number;
  /** When we got it, in milliseconds. */
  readonly receivedAt: number;
  readonly body: LeafBody;
  readonly detail: unknown;
  /** What it is found by in search; made when first asked for. */
  readonly terms: () => readonly string[];
};

/** The event of a rule that fired. */
export const alertRaisedAction = 'audit.alert_raised';

/** @param detail - read beforehand when it does not stand in the leaf */
export function seeEvent(seq: number, body: LeafBody, detail: unknown): SeenEvent {
  const receivedAt = Date.parse(body.receivedAt);
  const occurredAt = body.occurredAt === body.receivedAt ? receivedAt : Date.parse(body.occurredAt);
  let terms: readonly string[] | null = null;
  return {
    seq,
    at: Math.min(occurredAt, receivedAt),
    receivedAt,
    body,
    detail,
    terms: () => (terms ??= termsOf(body, detail)),
  };
}

/** A number of a detail, or 0. */
export function numberIn(detail: unknown, name: string): number {
  if (typeof detail !== 'object' || detail === null) return 0;
  const value: unknown = Reflect.get(detail, name);
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}
