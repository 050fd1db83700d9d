import { z } from 'zod';
import { trailFilterSchema } from '../schema.ts';

const seq = z.coerce.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const counted = z.array(z.object({ value: z.string(), count: z.number().int() }));

/** `GET /v1/audit/tail`. */
export const tailQuerySchema = trailFilterSchema.omit({ from: true, to: true }).extend({
  /** First sequence number; absent: only what comes from now on. `Last-Event-ID` goes before it. */
  from: seq.optional(),
});

/** `GET /v1/audit/blast-radius`. */
export const blastQuerySchema = trailFilterSchema.extend({
  cursor: z.string().max(1_000).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(200),
});

const touched = z.object({
  id: z.string(),
  events: z.number().int(),
  firstSeq: z.number().int(),
  lastSeq: z.number().int(),
});
/** What a credential touched. */
export const blastSchema = z.object({
  events: z.number().int(),
  denied: z.number().int(),
  firstSeq: z.number().int().nullable(),
  lastSeq: z.number().int().nullable(),
  firstAt: z.string().nullable(),
  lastAt: z.string().nullable(),
  actions: counted,
  subjectCount: z.number().int(),
  subjects: z.array(touched),
  recordCount: z.number().int(),
  records: z.array(touched),
  nextCursor: z.string().nullable(),
});

/** `{id}` of an actor. */
export const actorParamsSchema = z.object({ id: z.string().min(1).max(200) });
/** `GET /v1/audit/actors/{id}/timeline`. */
export const timelineQuerySchema = trailFilterSchema.pick({ from: true, to: true }).extend({
  before: seq.optional(),
});
/** An actor's sessions, newest first. */
export const timelineSchema = z.object({
  sessions: z.array(
    z.object({
      session: z.string().nullable(),
      firstSeq: z.number().int(),
      lastSeq: z.number().int(),
      firstAt: z.string(),
      lastAt: z.string(),
      events: z.number().int(),
      denied: z.number().int(),
      subjects: z.number().int(),
      highestLevel: z.number().int().nullable(),
      actions: counted,
    }),
  ),
  scanned: z.number().int(),
  before: z.number().int().nullable(),
});
