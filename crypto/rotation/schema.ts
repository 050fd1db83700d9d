import { z } from 'zod';

const time = z.iso.datetime();

/** A long work on keys. */
export const jobSchema = z.object({
  id: z.uuid(),
  kind: z.enum(['rewrap', 'data_key', 'blind_index']),
  target: z.record(z.string(), z.union([z.string(), z.number()])),
  state: z.enum(['running', 'done', 'failed']),
  phase: z.string(),
  total: z.number().int(),
  done: z.number().int(),
  /** Things per second over the last part. */
  rate: z.number().int(),
  startedAt: time,
  heartbeatAt: time,
  finishedAt: time.nullable(),
  error: z.string().nullable(),
});

/** `GET /v1/crypto/jobs`. */
export const jobsSchema = z.object({ items: z.array(jobSchema), nextCursor: z.string().nullable() });

/** `POST /v1/crypto/rotate`: which keys; by default the tenant's key-encryption key. */
export const rotateSchema = z.strictObject({
  keys: z.enum(['tenant', 'person', 'purpose', 'overdue', 'index']).default('tenant'),
  subjectId: z.uuid().optional(),
  purpose: z.string().min(1).max(100).optional(),
  olderThanDays: z.number().int().min(1).max(36_500).optional(),
  /** `service.collection` */
  collection: z.string().min(3).max(200).optional(),
  field: z.string().min(1).max(100).optional(),
  index: z.string().min(1).max(40).optional(),
});

/** Page of a list. */
export const jobPageSchema = z.object({
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
