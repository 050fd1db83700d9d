import { z } from 'zod';
import type { Database } from '../../db/index.ts';
import { defineRoute, requirePrincipal, type AnyRoute } from '../../kernel/index.ts';
import type { DualControl } from '../control/dual-control.ts';
import { awaitingSchema, awaitingSecondPerson } from '../control/schema.ts';
import { readRecipient } from './recipient.ts';

/** What the route needs. */
export type EscrowRoutesDeps = { readonly database: Database; readonly dualControl: DualControl };

const exportSchema = z.strictObject({
  reason: z.string().trim().min(1).max(500),
  format: z.enum(['jwe', 'rsa-aes-key-wrap']).default('jwe'),
  /** A public key as JWK: RSA of 3,072 to 8,192 bits, for `jwe` also EC on P-256, P-384, P-521. */
  recipient: z.record(z.string().max(20), z.unknown()),
});

/** `POST /v1/crypto/export-keys`. */
export function createEscrowRoutes({ database, dualControl }: EscrowRoutesDeps): readonly AnyRoute[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/crypto/export-keys',
      operationId: 'exportKeys',
      summary:
        "Propose to seal the tenant's keys to a public key, for escrow or leaving; needs a second person",
      security: {
        kind: 'principal',
        action: 'crypto.export_keys',
        stepUp: { level: 2, maxAgeSeconds: 300 },
      },
      audit: { kind: 'event', actions: ['crypto.approval_proposed'] },
      request: { body: exportSchema, bodyLimitBytes: 16_384 },
      responses: {
        202: { description: 'Proposed; a second person must approve this digest', schema: awaitingSchema },
      },
      handler: async ({ principal, body }) => {
        const proposedBy = requirePrincipal(principal);
        const { format, reason } = body;
        const { jwk, thumbprint } = readRecipient(body.recipient, format);
        const payload = { format, thumbprint, recipient: jwk };
        const proposal = { action: 'crypto.export_keys', payload, reason, proposedBy };
        const proposed = await database.withTenant(proposedBy.tenantId, (tx) =>
          dualControl.propose(tx, proposal),
        );
        return awaitingSecondPerson(proposed);
      },
    }),
  ];
}
