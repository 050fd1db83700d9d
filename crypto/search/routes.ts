import { z } from 'zod';
import type { Database } from '../../db/index.ts';
import { defineRoute, requirePrincipal, type AnyRoute } from '../../kernel/index.ts';
import type { Crypto } from '../types.ts';

const adviseSchema = z.strictObject({
  /** `service.collection` */
  collection: z.string().min(3).max(200),
  field: z.string().min(1).max(100),
  /** Values that are opened in the process. */
  sample: z.number().int().min(50).max(5_000).default(1_000),
});

const verdict = z.enum(['safe', 'low_cardinality', 'skewed', 'too_few']);
const adviceSchema = z.object({
  collection: z.string(),
  field: z.string(),
  rows: z.number().int(),
  sampled: z.number().int(),
  forms: z.array(
    z.object({
      form: z.string(),
      distinct: z.number().int(),
      distinctEstimated: z.number().int(),
      entropyBits: z.number(),
      commonestShare: z.number(),
      verdict,
    }),
  ),
  falseMatches: z.array(z.object({ bits: z.number().int(), expected: z.number() })),
  findings: z.array(z.object({ index: z.string(), form: z.string(), verdict: z.string() })),
});

/** `POST /v1/crypto/advise`. */
export function createSearchRoutes(
  crypto: Crypto,
  { database }: { readonly database: Database },
): readonly AnyRoute[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/crypto/advise',
      operationId: 'adviseIndex',
      summary:
        'Judge from a sample which blind indexes of an encrypted field are safe; values are opened in the process, numbers leave it',
      security: { kind: 'principal', action: 'crypto.advise' },
      audit: { kind: 'event', actions: ['crypto.index_advised'] },
      request: { body: adviseSchema },
      responses: { 200: { description: 'What the sample tells', schema: adviceSchema } },
      handler: async ({ principal, body }) => {
        const actor = requirePrincipal(principal);
        await crypto.warm(actor.tenantId);
        const advice = await database.withTenant(actor.tenantId, (tx) => crypto.advise(tx, body, actor));
        return { status: 200, body: advice };
      },
    }),
  ];
}
