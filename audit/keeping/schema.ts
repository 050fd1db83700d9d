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

/** Categories of events, as the policy names them. */
export const categories = [
  'authentication',
  'access',
  'administration',
  'data',
  'key',
  'privacy',
  'system',
] as const;
/** Days by category; what is left out is kept for ever. */
export const retentionDaysSchema = z.partialRecord(z.enum(categories), z.int().min(30).max(36_525));
/** @see retentionDaysSchema */
export type RetentionDays = z.output<typeof retentionDaysSchema>;

const everyCategory = (days: number): RetentionDays =>
  Object.fromEntries(categories.map((category) => [category, days]));
/** Retention by rule book: HIPAA 45 CFR 164.316(b)(2)(i), six years; PCI DSS 4.0 10.5.1, twelve months. */
export const presets = Object.freeze({ hipaa: everyCategory(2_192), pci: everyCategory(366) });

/** `POST /v1/audit/retention`: a preset, days, or both; days win. */
export const newRetentionSchema = z.strictObject({
  preset: z.enum(['hipaa', 'pci']).optional(),
  days: retentionDaysSchema.optional(),
  /** What outsiders are told, beside the days. */
  text: z.string().trim().min(1).max(2_000),
  reason,
});
/** `GET /v1/audit/retention`. */
export const retentionSchema = z.object({
  minimumIndex: z.int(),
  policy: z
    .object({
      revision: z.int(),
      days: z.record(z.string(), z.int()),
      text: z.string(),
      proposedBy: z.uuid(),
      approvedBy: z.uuid(),
      createdAt: time,
    })
    .nullable(),
  /** Whether a pruning under this policy was approved, so that later ones run by themselves. */
  standing: z.boolean(),
  runs: z.array(
    z.object({
      id: z.uuid(),
      floor: z.int(),
      policyRevision: z.int(),
      begunAt: time,
      finishedAt: time.nullable(),
      removed: z.int(),
      kept: z.int(),
    }),
  ),
});
/** `GET /log/{logId}/retention`. */
export const publicRetentionSchema = z.object({
  origin: z.string(),
  minimumIndex: z.int(),
  policy: z.object({ revision: z.int(), days: z.record(z.string(), z.int()), text: z.string() }).nullable(),
});
/** `POST /v1/audit/prune` under an approval that stands. */
export const pruneBegunSchema = z.object({ runId: z.uuid().nullable(), floor: z.int() });
