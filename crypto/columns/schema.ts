import { z } from 'zod';

const time = z.iso.datetime();
const findings = z.array(z.object({ rowId: z.string(), what: z.string() }));

/** One migration of one column, for one tenant. */
export const migrationSchema = z.object({
  id: z.uuid(),
  service: z.string(),
  collection: z.string(),
  field: z.string(),
  state: z.enum(['dual_write', 'backfilled', 'verified', 'cut_over', 'reverted']),
  sealed: z.number().int(),
  waiting: z.number().int(),
  rowsPerSecond: z.number().int(),
  remainingSeconds: z.number().int().nullable(),
  checked: z.number().int(),
  differing: z.number().int(),
  findings,
  verifiedAt: time.nullable(),
  workedOnUntil: time.nullable(),
  dropApprovedAt: time.nullable(),
  createdAt: time,
  changedAt: time,
});

/** `GET /v1/crypto/column-migrations`. */
export const migrationsSchema = z.object({
  items: z.array(migrationSchema),
  nextCursor: z.string().nullable(),
});

/** Page of a list. */
export const migrationPageSchema = z.object({
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/** `POST …/{id}/backfill`. */
export const backfillBodySchema = z.strictObject({
  batchSize: z.int().min(1).max(5_000).optional(),
  pauseMilliseconds: z.int().min(0).max(60_000).optional(),
});

/** `POST …/{id}/drop`. */
export const dropBodySchema = z.strictObject({ reason: z.string().trim().min(1).max(500) });

/** What a long step has come to. */
export const workSchema = z.object({
  work: z.enum(['finished', 'running']),
  migration: migrationSchema,
});
