import { z } from 'zod';
import { sinkConfigurationSchema, sinkFilterSchema, sinkSecretsSchema } from './configuration.ts';

const seq = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const time = z.iso.datetime();

/** `{id}` in a path. */
export const sinkParamsSchema = z.object({ id: z.uuid() });

/** `POST /v1/audit/sinks`. */
export const newSinkSchema = z.strictObject({
  name: z.string().min(1).max(100),
  configuration: sinkConfigurationSchema,
  filter: sinkFilterSchema,
  secrets: sinkSecretsSchema,
  /** Whether names, mail addresses and client addresses leave with the events; ids always do. */
  personalData: z.boolean().default(false),
  /** First event it gets; absent: only what comes from now on; 0: the whole log. */
  from: seq.optional(),
});

/** `POST /v1/audit/sinks/{id}/change`. */
export const sinkChangeSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('paused') }),
  z.strictObject({ kind: z.literal('resumed') }),
  z.strictObject({ kind: z.literal('replayed'), from: seq }),
  z.strictObject({ kind: z.literal('secrets'), secrets: sinkSecretsSchema }),
]);

/** A receiver. */
export const sinkSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  configuration: z.unknown(),
  filter: z.unknown(),
  personalData: z.boolean(),
  state: z.enum(['active', 'paused', 'failing']),
  cursor: z.number().int(),
  lag: z.number().int(),
  waitingSince: time.nullable(),
  delivered: z.number().int(),
  deadLetters: z.number().int(),
  attempts: z.number().int(),
  nextAttemptAt: time,
  lastError: z.string().nullable(),
  lastDeliveredAt: time.nullable(),
  createdAt: time,
});

/** What a receiver said to a made-up event. */
export const sinkTrialSchema = z.object({
  outcome: z.enum(['delivered', 'refused', 'away']),
  detail: z.string().nullable(),
  milliseconds: z.number().int(),
});

/** A new receiver; the signing secret of a webhook is shown this once. */
export const createdSinkSchema = z.object({ sink: sinkSchema, signingSecret: z.string().nullable() });

/** Every receiver of the tenant; at most 200. */
export const sinksSchema = z.object({ items: z.array(sinkSchema) });

/** Page of dead letters. */
export const deadLetterQuerySchema = z.object({
  cursor: z.string().max(60).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/** Dead letters, oldest first. */
export const deadLettersSchema = z.object({
  items: z.array(z.object({ seq: z.number().int(), reason: z.string(), refusedAt: time })),
  nextCursor: z.string().nullable(),
});
