import { z } from 'zod';

/** Name of a provider that a tenant brings. */
export const providerName = z.string().regex(/^[a-z][a-z0-9-]{1,39}$/);
/** Parameters of the routes of one provider; the house's has any name. */
export const providerParams = z.object({ name: z.string().regex(/^[a-z][a-z0-9-]{1,99}$/) });

/** `GET /v1/crypto/providers`: query. */
export const providerPageSchema = z.object({
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/** `GET /v1/crypto/providers`. */
export const providersSchema = z.object({
  house: z.object({
    name: z.string(),
    kind: z.string(),
    development: z.boolean(),
    /** Shares that people give after every start; 0 when it opens by itself. */
    sharesNeeded: z.number().int(),
  }),
  items: z.array(
    z.object({
      name: z.string(),
      kind: z.string(),
      shown: z.record(z.string(), z.unknown()),
      state: z.enum(['ready', 'active']),
      epochs: z.number().int(),
      createdBy: z.string(),
      createdAt: z.iso.datetime(),
    }),
  ),
  nextCursor: z.string().nullable(),
});

/** Answer of `POST /v1/crypto/providers`. */
export const configuredSchema = z.object({
  name: z.string(),
  kind: z.string(),
  state: z.literal('ready'),
  shown: z.record(z.string(), z.unknown()),
});

/** `GET /v1/crypto/providers/{name}/health`. */
export const healthSchema = z.object({ ok: z.boolean(), detail: z.string() });

/** Answer of `POST /v1/crypto/providers/{name}/test`. */
export const trialSchema = z.object({
  ok: z.boolean(),
  steps: z.array(
    z.object({
      step: z.enum(['describe', 'wrap', 'unwrap', 'foreign_tenant']),
      ok: z.boolean(),
      milliseconds: z.number().int(),
      detail: z.string(),
    }),
  ),
});

/** `POST /v1/crypto/providers/{name}/activate`. */
export const activateSchema = z.strictObject({ reason: z.string().trim().min(1).max(500) });
