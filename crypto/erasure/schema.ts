import { z } from 'zod';

const time = z.iso.datetime();
const basis = z.enum(['destroyed', 'scheduled', 'standing_schedule', 'none', 'no_key']);
const reason = z.string().trim().min(1).max(500);

/** `GET /v1/crypto/epochs`. */
export const lifeSchema = z.object({
  schedule: z.object({
    rotateEveryDays: z.number().int().nullable(),
    retireAfterDays: z.number().int().nullable(),
  }),
  retirements: z.array(
    z.object({ id: z.uuid(), throughEpoch: z.number().int(), begunAt: time, error: z.string().nullable() }),
  ),
  epochs: z.array(
    z.object({
      epoch: z.number().int(),
      provider: z.string(),
      state: z.enum(['active', 'rewrapping', 'superseded', 'scheduled', 'destroyed']),
      keys: z.number().int(),
      createdAt: time,
      supersededAt: time.nullable(),
      destroyAt: time.nullable(),
      destroyedAt: time.nullable(),
      until: time.nullable(),
      basis,
      error: z.string().nullable(),
      triedAt: time.nullable(),
    }),
  ),
});

/** `POST /v1/crypto/retire`. */
export const retireSchema = z.strictObject({
  reason,
  throughEpoch: z.int().min(1).max(2_147_483_647).optional(),
});

/** `PUT /v1/crypto/schedule`. */
export const changeScheduleSchema = z.strictObject({
  reason,
  rotateEveryDays: z.int().min(1).max(3_650).nullable(),
  retireAfterDays: z.int().min(0).max(3_650).nullable(),
});

/** `POST /v1/crypto/shred`: what is destroyed. */
export const shredSchema = z.strictObject({
  subjectIds: z.array(z.uuid()).min(1).max(100),
  requestId: z.string().trim().min(1).max(200),
  reason,
});

/** `POST /v1/crypto/shred`: what was destroyed. */
export const shreddedSchema = z.object({
  kids: z.array(z.string().length(16)),
  ledgerIds: z.array(z.uuid()),
  backups: z.object({ until: time.nullable(), basis }),
});
