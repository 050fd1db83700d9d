import { z } from 'zod';

const text = (max: number) => z.string().min(1).max(max);

/** A filter as it is kept: what stands in the URL of a search. */
export const keptFilterSchema = z.strictObject({
  actor: text(200).optional(),
  action: text(200).optional(),
  outcome: z.enum(['success', 'failure', 'denied']).optional(),
  subject: z.uuid().optional(),
  session: text(200).optional(),
  trace: z
    .string()
    .regex(/^[0-9a-fA-F]{32}$/)
    .optional(),
  request: text(200).optional(),
  target: text(200).optional(),
  category: text(50).optional(),
  q: text(200).optional(),
});
/** @see keptFilterSchema */
export type KeptFilter = z.output<typeof keptFilterSchema>;

/** When a view is delivered to its owner; hours and days are UTC. */
export const scheduleSchema = z.discriminatedUnion('every', [
  z.strictObject({ every: z.literal('day'), hour: z.number().int().min(0).max(23) }),
  z.strictObject({
    every: z.literal('week'),
    /** 1 is Monday, 7 is Sunday. */
    weekday: z.number().int().min(1).max(7),
    hour: z.number().int().min(0).max(23),
  }),
]);
/** @see scheduleSchema */
export type Schedule = z.output<typeof scheduleSchema>;

/** `POST` and `PUT /v1/audit/views`. */
export const viewInputSchema = z.strictObject({
  name: text(100),
  shared: z.boolean().default(false),
  filter: keptFilterSchema,
  schedule: scheduleSchema.nullable().default(null),
});

/** `{id}` in a path. */
export const viewParamsSchema = z.object({ id: z.uuid() });

const time = z.iso.datetime();
/** A view. */
export const viewSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  shared: z.boolean(),
  mine: z.boolean(),
  filter: keptFilterSchema,
  schedule: scheduleSchema.nullable(),
  nextRunAt: time.nullable(),
  lastRunAt: time.nullable(),
  lastError: z.string().nullable(),
  createdAt: time,
});
/** The caller's own views and those shared by others; at most 500. */
export const viewsSchema = z.object({ items: z.array(viewSchema) });
