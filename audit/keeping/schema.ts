import { z } from 'zod';

const time = z.iso.datetime();
const instant = z.iso.datetime({ offset: true }).pipe(z.coerce.date());
const reason = z.string().trim().min(1).max(500);

/** What a hold names. */
export const holdScopeSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('log') }),
  z.strictObject({ kind: z.literal('subject'), subjectId: z.uuid() }),
  z.strictObject({ kind: z.literal('actor'), actorId: z.string().min(1).max(200) }),
  z.strictObject({ kind: z.literal('time'), from: instant, to: instant }),
]);
/** @see holdScopeSchema */
export type HoldScope = z.output<typeof holdScopeSchema>;

/** `POST /v1/audit/holds`. */
export const newHoldSchema = z.strictObject({
  scope: holdScopeSchema,
  reason,
  /** End of the hold; left out: open. */
  until: instant.nullable().optional(),
});
/** @see newHoldSchema */
export type NewHold = z.output<typeof newHoldSchema>;

/** A hold. */
export const holdSchema = z.object({
  id: z.uuid(),
  scope: z.object({
    kind: z.enum(['log', 'subject', 'actor', 'time']),
    subjectId: z.uuid().optional(),
    actorId: z.string().optional(),
    from: time.optional(),
    to: time.optional(),
  }),
  reason: z.string(),
  until: time.nullable(),
  placedBy: z.uuid(),
  placedAt: time,
  releasedAt: time.nullable(),
  approvedBy: z.uuid().nullable(),
  active: z.boolean(),
});

/** `GET /v1/audit/holds`: query. */
export const holdPageSchema = z.object({
  active: z.enum(['true', 'false']).default('false'),
  cursor: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
/** `GET /v1/audit/holds`. */
export const holdsSchema = z.object({ items: z.array(holdSchema), nextCursor: z.string().nullable() });
/** `{id}` in a path. */
export const holdParamsSchema = z.object({ id: z.uuid() });
/** Why something is proposed. */
export const reasonSchema = z.strictObject({ reason });
