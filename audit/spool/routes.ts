import { z } from 'zod';
import type { Database } from '../../db/index.ts';
import { defineRoute, requirePrincipal, type AnyRoute } from '../../kernel/index.ts';
import type { Audit } from '../audit.ts';
import { readSecurity } from '../read-trail.ts';
import type { FailureChoice } from './spool.ts';

const choiceSchema = z.object({
  reads: z.enum(['closed', 'spooled']),
  changedAt: z.iso.datetime().nullable(),
  changedBy: z.uuid().nullable(),
});

/** `/v1/audit/failure`: what happens to reads while the trail cannot be written. */
export function createFailureRoutes(deps: {
  readonly audit: Audit;
  readonly database: Database;
}): readonly AnyRoute[] {
  const { audit, database } = deps;
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/audit/failure',
      operationId: 'readAuditFailureChoice',
      summary: 'Whether reads are refused or recorded on disk while the trail cannot be written',
      security: readSecurity,
      audit: { kind: 'none', reason: 'a setting; no event is read' },
      request: {},
      responses: { 200: { description: 'The choice', schema: choiceSchema } },
      handler: async ({ principal }) => {
        const { tenantId } = requirePrincipal(principal);
        const choice = await database.withTenant(tenantId, audit.spool.choice, { readOnly: true });
        return { status: 200, body: bodyOf(choice) };
      },
    }),
    defineRoute({
      method: 'PUT',
      path: '/v1/audit/failure',
      operationId: 'changeAuditFailureChoice',
      summary:
        'Choose whether reads are refused or recorded on disk while the trail cannot be written; what changes something is always refused',
      security: { kind: 'principal', action: 'audit.manage', stepUp: { level: 2, maxAgeSeconds: 300 } },
      audit: { kind: 'event', actions: ['audit.failure_choice_changed'] },
      request: { body: z.strictObject({ reads: z.enum(['closed', 'spooled']) }) },
      responses: { 200: { description: 'The choice', schema: choiceSchema } },
      handler: async ({ principal, body: { reads } }) => {
        const by = requirePrincipal(principal);
        await audit.prepare(by.tenantId);
        const choice = await database.withTenant(by.tenantId, (tx) => audit.spool.choose(tx, by, reads));
        return { status: 200, body: bodyOf(choice) };
      },
    }),
  ];
}

function bodyOf({ reads, changedAt, changedBy }: FailureChoice) {
  return { reads, changedAt: changedAt?.toISOString() ?? null, changedBy };
}
