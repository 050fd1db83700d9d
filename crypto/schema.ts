import { z } from 'zod';

const time = z.iso.datetime();
const kid = z.string().length(16);

/** `GET /v1/crypto/keys`. */
export const keyStatusSchema = z.object({
  provider: z.string(),
  development: z.boolean(),
  epochs: z.array(
    z.object({
      epoch: z.number().int(),
      state: z.enum(['active', 'rewrapping', 'superseded', 'scheduled', 'destroyed']),
      createdAt: time,
      keys: z.number().int(),
    }),
  ),
  subjects: z.object({ active: z.number().int(), shredded: z.number().int() }),
  tenantKeys: z.array(
    z.object({ purpose: z.string(), kid, createdAt: time, state: z.string(), messages: z.number().int() }),
  ),
});

/** Page of a list. */
export const pageSchema = z.object({
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/** `GET /v1/crypto/ledger`. */
export const ledgerSchema = z.object({
  items: z.array(
    z.object({
      id: z.uuid(),
      kid,
      epoch: z.number().int(),
      subjectHash: z.string().length(64),
      requestId: z.string(),
      reason: z.string(),
      actor: z.object({ kind: z.string(), id: z.string() }),
      shreddedAt: time,
    }),
  ),
  nextCursor: z.string().nullable(),
});

/** `GET /v1/crypto/ledger/state`. */
export const ledgerStateSchema = z.object({ ok: z.boolean(), detail: z.string() });
