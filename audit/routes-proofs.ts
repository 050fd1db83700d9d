import { defineRoute, requirePrincipal, type AnyRoute } from '../kernel/index.ts';
import type { Database } from '../db/index.ts';
import type { Audit } from './audit.ts';
import { platformLogName } from './platform/platform-log.ts';
import { readSecurity, recordedReading, type ReadTrail } from './read-trail.ts';
import {
  checkpointPageSchema,
  checkpointsQuerySchema,
  platformProofSchema,
  proofQuerySchema,
  seqParamsSchema,
} from './schema.ts';
import { readCursor, writeCursor } from './seq-cursor.ts';

/** The proof of an event as a file that any C2SP verifier reads. */
export function tlogProofRoute(audit: Audit, readAs: ReadTrail): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/events/{seq}/tlog-proof',
    operationId: 'downloadTlogProof',
    summary: 'Inclusion proof of an event as a `.tlog-proof` file (c2sp.org/tlog-proof)',
    security: readSecurity,
    audit: recordedReading,
    request: { params: seqParamsSchema, query: proofQuerySchema },
    responses: {
      200: { description: 'The file', contentType: 'text/plain; charset=utf-8' },
      404: { description: 'No such event or checkpoint' },
    },
    handler: async ({ params: { seq }, query, ...caller }) => {
      const log = await audit.prepare(requirePrincipal(caller.principal).tenantId);
      await audit.keysOf(log); // opens the keys before BEGIN
      const text = await readAs(
        caller,
        { what: 'proof', seq },
        (tx) => audit.tlogProof(tx, seq, query.size),
        () => 1,
      );
      return {
        status: 200,
        body: text,
        headers: {
          'content-type': 'text/plain; charset=utf-8',
          'content-disposition': `attachment; filename="${log.logId.slice(0, 8)}-${seq}.tlog-proof"`,
          'cache-control': 'no-store',
        },
      };
    },
  });
}

/** From an event to what the witnesses cosign. */
export function platformProofRoute(audit: Audit, readAs: ReadTrail): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/events/{seq}/platform-proof',
    operationId: 'proveAuditEventToPlatform',
    summary: 'Two proofs that lead from an event to the platform checkpoint, which witnesses cosign',
    security: readSecurity,
    audit: recordedReading,
    request: { params: seqParamsSchema },
    responses: {
      200: { description: 'The proofs', schema: platformProofSchema },
      404: { description: 'No such event, or the platform log takes it up within a second' },
    },
    handler: async ({ params: { seq }, ...caller }) => {
      await audit.keysOf(await audit.prepare(requirePrincipal(caller.principal).tenantId)); // before BEGIN
      const anchor = await audit.platformAnchor();
      const platformVkeys = [...((await audit.keys(platformLogName)) ?? [])];
      const { entry, event, leaf, platform } = await readAs(
        caller,
        { what: 'proof', seq },
        (tx) => audit.platformProof(tx, seq, anchor),
        () => 1,
      );
      const body = {
        entry: entry.toString('base64'),
        event,
        leaf: leaf.toString('base64'),
        platform,
        platformVkeys,
      };
      return { status: 200, body };
    },
  });
}

/** Which checkpoints are kept. */
export function checkpointsRoute(audit: Audit, database: Database): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/log/checkpoints',
    operationId: 'listAuditCheckpoints',
    summary: 'Checkpoints kept of the log, largest first; any two are comparable by a consistency proof',
    security: readSecurity,
    audit: { kind: 'none', reason: 'signed checkpoints, no event' },
    request: { query: checkpointsQuerySchema },
    responses: { 200: { description: 'A page of checkpoints', schema: checkpointPageSchema } },
    handler: async ({ principal, query: { cursor, limit } }) => {
      const { tenantId } = requirePrincipal(principal);
      const below = cursor === undefined ? Number.MAX_SAFE_INTEGER : readCursor(cursor);
      const rows = await database.withTenant(tenantId, (tx) => audit.checkpoints(tx, below, limit + 1), {
        readOnly: true,
      });
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      const body = {
        items: page.map(({ size, root, note, signedAt }) => ({
          size,
          rootHash: root.toString('base64'),
          signedAt: signedAt.toISOString(),
          checkpoint: note,
        })),
        nextCursor: rows.length > limit && last !== undefined ? writeCursor(last.size) : null,
      };
      return { status: 200, body };
    },
  });
}
