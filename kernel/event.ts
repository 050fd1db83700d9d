import type { z } from 'zod';
import type { CallContext, Principal } from './principal.ts';
import type { SubjectId, TenantId } from './ids.ts';

/** What kind of thing happened; steers retention and OCSF mapping. */
export type EventCategory =
  'authentication' | 'access' | 'administration' | 'data' | 'key' | 'privacy' | 'system';

/** How an event type is told to other systems. @see https://schema.ocsf.io/1.8.0/ */
export type OcsfMapping = {
  readonly classUid: number;
  readonly activityId: number;
  /** 1 informational, 2 low, 3 medium, 4 high, 5 critical, 6 fatal; absent: 1 for a success, 2 for a failure, 3 for a refusal. */
  readonly severityId?: 1 | 2 | 3 | 4 | 5 | 6;
};

/** An event type that a guard declares in its `events.ts`. Names are `noun.verb_past`; fields are append-only. */
export type EventDefinition<Payload extends z.ZodType = z.ZodType> = {
  /** `guard.noun_verb_past`, e.g. `dsr.request_received`. */
  readonly action: string;
  readonly version: number;
  readonly category: EventCategory;
  /** One sentence for the auditor. */
  readonly summary: string;
  /** Shape of `detail`. It must not hold personal data: ids, counts, codes, hashes only. */
  readonly detail: Payload;
  /** OCSF class and activity, e.g. `{ classUid: 6003, activityId: 2 }`; a severity where the outcome does not tell it. */
  readonly ocsf: OcsfMapping;
};

/** Declares an event type. */
export function defineEvent<Payload extends z.ZodType>(
  definition: EventDefinition<Payload>,
): EventDefinition<Payload> {
  return Object.freeze(definition);
}

/** What an action touched. */
export type Target = { readonly type: string; readonly id: string };

/** Which decision allowed or refused it. */
export type DecisionRecord = {
  readonly engine: string;
  readonly revision: string;
  readonly rule: string | null;
  readonly obligations: readonly string[];
};

/** An event as a room reports it; the log adds id, sequence and times. */
export type AuditEvent<Payload extends z.ZodType = z.ZodType> = {
  readonly definition: EventDefinition<Payload>;
  readonly tenantId: TenantId;
  readonly outcome: 'success' | 'failure' | 'denied';
  /** A stable code or short phrase saying why, for failures and denials. */
  readonly reason?: string;
  readonly actor: Principal | { readonly kind: 'system'; readonly id: string; readonly displayName: string };
  readonly targets?: readonly Target[];
  /** The data subjects touched, at most 1,000. */
  readonly subjects?: readonly SubjectId[];
  readonly detail: z.input<Payload>;
  readonly decision?: DecisionRecord;
  readonly call?: CallContext;
  readonly occurredAt?: Date;
  /** The same key never appears twice in a tenant's log. */
  readonly idempotencyKey?: string;
};

/**
 * How a room below `audit/` records. The composition root hands the log in.
 *
 * `append` joins the caller's transaction: the event exists if and only if the change does. `record` stands alone and
 * resolves when the event is durable and inside a signed checkpoint.
 */
export type AuditSink<Transaction = unknown> = {
  readonly append: <P extends z.ZodType>(tx: Transaction, event: AuditEvent<P>) => Promise<void>;
  readonly record: <P extends z.ZodType>(event: AuditEvent<P>) => Promise<void>;
};
