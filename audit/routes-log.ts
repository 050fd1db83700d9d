import type { Database } from '../db/index.ts';
import { requirePrincipal, defineRoute, type AnyRoute } from '../kernel/index.ts';
import type { Audit } from './audit.ts';
import { readSecurity } from './read-trail.ts';
import { platformLogName } from './platform/platform-log.ts';
import { consistencyQuerySchema, consistencySchema, logSchema } from './schema.ts';

/** Where the log stands. */
export function logRoute(audit: Audit, database: Database): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/log',
    operationId: 'readAuditLog',
    summary: 'Where the log of the tenant stands, and the key that verifies it',
    security: readSecurity,
    audit: { kind: 'none', reason: 'public facts of the log, no event' },
    request: {},
    responses: { 200: { description: 'The log', schema: logSchema } },
    handler: async ({ principal }) => {
      const { tenantId } = requirePrincipal(principal);
      const log = await audit.prepare(tenantId);
      const { logId, origin, vkey } = log;
      const { origin: platformOrigin } = await audit.platform.info();
      const head = await database.withTenant(tenantId, audit.head, { readOnly: true });
      const body = {
        logId,
        origin,
        vkey,
        vkeys: [...(await audit.keysOf(log))],
        platform: {
          origin: platformOrigin,
          vkeys: [...((await audit.keys(platformLogName)) ?? [])],
          size: (await audit.platform.head()).size,
        },
        size: head?.size ?? 0,
        rootHash: head?.root.toString('base64') ?? '',
        checkpointAt: (head?.signedAt ?? new Date(0)).toISOString(),
      };
      return { status: 200, body };
    },
  });
}

/** Consistency of two sizes, at the address of the log and at its older one. */
export function consistencyRoutes(audit: Audit, database: Database): readonly AnyRoute[] {
  return [
    consistencyRoute(audit, database, '/v1/audit/log/consistency', 'proveAuditLogConsistency'),
    consistencyRoute(audit, database, '/v1/audit/consistency', 'proveAuditConsistency'),
  ];
}

function consistencyRoute(audit: Audit, database: Database, path: string, operationId: string): AnyRoute {
  return defineRoute({
    method: 'GET',
    path,
    operationId,
    summary: 'Proof that the log of one size begins with the log of another',
    security: readSecurity,
    audit: { kind: 'none', reason: 'hashes and signed checkpoints, no event' },
    request: { query: consistencyQuerySchema },
    responses: {
      200: { description: 'The proof', schema: consistencySchema },
      404: { description: 'No checkpoint of that size' },
    },
    handler: async ({ principal, query }) => {
      const { tenantId } = requirePrincipal(principal);
      const { from, to, hashes } = await database.withTenant(
        tenantId,
        (tx) => audit.consistency(tx, query.from, query.to),
        { readOnly: true },
      );
      const body = {
        from: query.from,
        to: to.size,
        hashes: hashes.map((hash) => hash.toString('base64')),
        fromCheckpoint: from?.note ?? null,
        toCheckpoint: to.note,
      };
      return { status: 200, body };
    },
  });
}
