import { z } from 'zod';
import { defineRoute, requirePrincipal, type AnyRoute } from '../../kernel/index.ts';
import type { Audit } from '../audit.ts';
import { readSecurity } from '../read-trail.ts';

const count = z.int().nonnegative();
const state = z.enum(['ok', 'attention', 'failing']);
const verification = z.object({
  at: z.iso.datetime(),
  state: z.enum(['sound', 'unsound', 'too_large', 'failed']),
  size: count,
  findings: count,
  firstBadSeq: count.nullable(),
  detail: z.string().nullable(),
  milliseconds: count,
});

/** `GET /v1/audit/health`. */
const healthSchema = z.object({
  /** False as soon as one check is failing. */
  ok: z.boolean(),
  checks: z.array(z.object({ name: z.string(), state, detail: z.string() })),
  figures: z.object({
    size: count,
    checkpointAgeMilliseconds: count.nullable(),
    pending: count,
    oldestPendingMilliseconds: count,
    gaps: count,
    sequencer: z.object({ ok: z.boolean(), detail: z.string() }),
    witnesses: z.object({ state: z.enum(['none', 'met', 'behind', 'halted']), detail: z.string() }),
    verification: verification.nullable(),
    verificationAgeMilliseconds: count.nullable(),
    sinks: z.array(
      z.object({ name: z.string(), state: z.enum(['active', 'paused', 'failing']), lag: count }),
    ),
    searchLag: count,
    ruleLag: count.nullable(),
    clockSkewMilliseconds: z.int(),
    alerts: z.object({ open: count, urgent: count }),
    mails: z.object({ waiting: count, failing: count }),
  }),
});

/** How a tenant's log is doing. */
export function healthRoute(audit: Audit): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/health',
    operationId: 'readAuditHealth',
    summary: 'How the log is doing: checkpoint, witnesses, verification, everything that follows it, clocks',
    security: readSecurity,
    audit: { kind: 'none', reason: 'counts and times; no event is read' },
    request: {},
    responses: { 200: { description: 'Checks and figures', schema: healthSchema } },
    handler: async ({ principal }) => {
      const { ok, checks, figures } = await audit.logHealth(requirePrincipal(principal).tenantId);
      const last = figures.verification;
      const shown = last === null ? null : { ...last, at: last.at.toISOString() };
      return { status: 200, body: { ok, checks, figures: { ...figures, verification: shown } } };
    },
  });
}
