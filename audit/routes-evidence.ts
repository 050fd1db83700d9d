import { requirePrincipal, defineRoute, type AnyRoute } from '../kernel/index.ts';
import type { Audit } from './audit.ts';
import { evidenceExported } from './events.ts';
import { rangeQuerySchema } from './schema.ts';

/** The evidence pack. */
export function evidenceRoute(audit: Audit): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/evidence',
    operationId: 'exportAuditEvidence',
    summary: 'A zip of a run of events that a stranger can verify offline',
    security: { kind: 'principal', action: 'audit.export' },
    audit: { kind: 'event', actions: [evidenceExported.action] },
    request: { query: rangeQuerySchema },
    responses: { 200: { description: 'The evidence pack', contentType: 'application/zip' } },
    handler: async ({ principal, call, query }) => {
      const actor = requirePrincipal(principal);
      const { range, zip } = await audit.evidence(actor.tenantId, query.from, query.to);
      const detail = { from: range.from, to: range.to, treeSize: range.checkpoint.size };
      await audit.record({
        definition: evidenceExported,
        tenantId: actor.tenantId,
        outcome: 'success',
        actor,
        call,
        detail,
      });
      const name = `evidence-${range.log.logId.slice(0, 8)}-${range.from}-${range.to}.zip`;
      return {
        status: 200,
        body: zip,
        headers: {
          'content-type': 'application/zip',
          'content-disposition': `attachment; filename="${name}"`,
          'cache-control': 'no-store',
        },
      };
    },
  });
}
