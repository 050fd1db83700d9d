import { defineRoute, type AnyRoute } from '../../kernel/index.ts';
import type { Audit } from '../audit.ts';
import { readSecurity } from '../read-trail.ts';
import { witnessesSchema } from '../schema.ts';

/** Who cosigns the platform log, and how far they came. */
export function witnessesRoute(audit: Audit): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/witnesses',
    operationId: 'readAuditWitnesses',
    summary:
      'Whether the quorum of witnesses cosigned the newest platform checkpoint, and what each said last',
    security: readSecurity,
    audit: { kind: 'none', reason: 'names of witnesses and sizes of a public log, no event' },
    request: {},
    responses: { 200: { description: 'The quorum', schema: witnessesSchema } },
    handler: async () => {
      const { witnesses, ...quorum } = await audit.witnesses.quorum();
      const body = {
        ...quorum,
        witnesses: witnesses.map(({ askedAt, cosignedAt, ...state }) => ({
          ...state,
          askedAt: askedAt.toISOString(),
          cosignedAt: cosignedAt?.toISOString() ?? null,
        })),
      };
      return { status: 200, body };
    },
  });
}
