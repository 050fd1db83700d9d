import { z } from 'zod';

const time = z.iso.datetime();

/** Where a proposal can stand. */
export const approvalStateSchema = z.enum([
  'proposed',
  'executing',
  'executed',
  'failed',
  'interrupted',
  'refused',
  'expired',
]);

/** `GET /v1/crypto/approvals`: query. */
export const approvalPageSchema = z.object({
  state: approvalStateSchema.optional(),
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/** `GET /v1/crypto/approvals`. */
export const approvalsSchema = z.object({
  items: z.array(
    z.object({
      id: z.uuid(),
      action: z.string(),
      payload: z.unknown(),
      reason: z.string(),
      digest: z.string().length(64),
      state: approvalStateSchema,
      proposedBy: z.uuid(),
      proposedAt: time,
      expiresAt: time,
      decidedBy: z.uuid().nullable(),
      decidedAt: time.nullable(),
      finishedAt: time.nullable(),
      result: z.unknown(),
      note: z.string().nullable(),
    }),
  ),
  nextCursor: z.string().nullable(),
});

/** `POST /v1/crypto/approvals/{id}/approve`. */
export const approveSchema = z.strictObject({ digest: z.string().regex(/^[0-9a-f]{64}$/) });
/** What an approval gives. */
export const executedSchema = z.object({ state: z.literal('executed'), result: z.unknown() });
/** `POST /v1/crypto/approvals/{id}/refuse`. */
export const refuseSchema = z.strictObject({ reason: z.string().trim().min(1).max(500) });

/** The 202 of every route that needs two people. */
export const awaitingSchema = z.object({
  approvalId: z.uuid(),
  digest: z.string().length(64),
  expiresAt: time,
  state: z.literal('awaiting_second_person'),
});

/** The answer of a route that has proposed something instead of doing it. */
export function awaitingSecondPerson(proposed: {
  readonly id: string;
  readonly digest: string;
  readonly expiresAt: Date;
}): { readonly status: 202; readonly body: z.infer<typeof awaitingSchema> } {
  const { id, digest, expiresAt } = proposed;
  return {
    status: 202,
    body: {
      approvalId: id,
      digest,
      expiresAt: expiresAt.toISOString(),
      state: 'awaiting_second_person',
    },
  };
}
