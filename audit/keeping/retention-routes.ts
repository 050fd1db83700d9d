import { awaitingSchema, awaitingSecondPerson } from '../../crypto/index.ts';
import {
  defineRoute,
  invalidRequest,
  notFound,
  requirePrincipal,
  type AnyRoute,
} from '../../kernel/index.ts';
import { readSecurity } from '../read-trail.ts';
import { logParamsSchema } from '../schema.ts';
import type { KeepingRoutesDeps } from './hold-routes.ts';
import {
  newRetentionSchema,
  presets,
  publicRetentionSchema,
  pruneBegunSchema,
  reasonSchema,
  retentionSchema,
} from './schema.ts';

const changing = {
  kind: 'principal',
  action: 'audit.change_retention',
  stepUp: { level: 2, maxAgeSeconds: 300 },
} as const;

/** `/v1/audit/retention`, `/v1/audit/prune` and what outsiders are told. */
export function createRetentionRoutes(deps: KeepingRoutesDeps): readonly AnyRoute[] {
  return [readRoute(deps), changeRoute(deps), pruneRoute(deps), publicRoute(deps)];
}

function readRoute({ audit, database }: KeepingRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/audit/retention',
    operationId: 'readAuditRetention',
    summary: 'How long entries are kept, the minimum index, and the newest pruning runs',
    security: readSecurity,
    audit: { kind: 'none', reason: 'the policy and its runs; no event is read' },
    request: {},
    responses: { 200: { description: 'The policy', schema: retentionSchema } },
    handler: async ({ principal }) => {
      const { tenantId } = requirePrincipal(principal);
      return database.withTenant(
        tenantId,
        async (tx) => {
          const policy = await audit.retention(tx);
          const runs = (await audit.pruning.runs(tx)).map((run) => ({
            id: run.id,
            floor: run.floor,
            policyRevision: run.policyRevision,
            removed: run.removed,
            kept: run.kept,
            begunAt: run.begunAt.toISOString(),
            finishedAt: run.finishedAt?.toISOString() ?? null,
          }));
          const body = {
            minimumIndex: await audit.minimumIndex(tx),
            policy: policy === null ? null : { ...policy, createdAt: policy.createdAt.toISOString() },
            standing: (await audit.pruning.standing(tx, policy)) !== null,
            runs,
          };
          return { status: 200, body };
        },
        { readOnly: true },
      );
    },
  });
}

function changeRoute({ audit, database, dualControl }: KeepingRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/audit/retention',
    operationId: 'changeAuditRetention',
    summary: 'Propose how many days entries of each category are kept; a second person approves it',
    security: changing,
    audit: { kind: 'event', actions: ['crypto.approval_proposed'] },
    request: { body: newRetentionSchema },
    responses: { 202: { description: 'Waits for a second person', schema: awaitingSchema } },
    handler: async ({ principal, body: { preset, days, text, reason } }) => {
      const proposedBy = requirePrincipal(principal);
      await audit.prepare(proposedBy.tenantId);
      const payload = { days: { ...(preset === undefined ? {} : presets[preset]), ...days }, text };
      const proposed = await database.withTenant(proposedBy.tenantId, (tx) =>
        dualControl.propose(tx, { action: 'audit.change_retention', payload, reason, proposedBy }),
      );
      return awaitingSecondPerson(proposed);
    },
  });
}

function pruneRoute({ audit, database, dualControl }: KeepingRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/audit/prune',
    operationId: 'pruneAuditLog',
    summary:
      'Prune what the policy lets go: proposed for a second person the first time, begun at once under an approval that stands',
    security: changing,
    audit: { kind: 'event', actions: ['crypto.approval_proposed', 'audit.prune_begun'] },
    request: { body: reasonSchema },
    responses: {
      200: { description: 'Begun, or nothing to do', schema: pruneBegunSchema },
      202: { description: 'Waits for a second person', schema: awaitingSchema },
    },
    handler: async ({ principal, body: { reason } }) => {
      const proposedBy = requirePrincipal(principal);
      await audit.prepare(proposedBy.tenantId);
      return database.withTenant(proposedBy.tenantId, async (tx) => {
        const policy = await audit.retention(tx);
        if (policy === null)
          throw invalidRequest('there is no retention policy yet; everything is kept for ever');
        if ((await audit.pruning.standing(tx, policy)) !== null) {
          const begun = await audit.pruning.beginStanding(tx);
          return { status: 200, body: begun ?? { runId: null, floor: await audit.minimumIndex(tx) } };
        }
        const proposal = { action: 'audit.prune', payload: { policyRevision: policy.revision }, reason };
        return awaitingSecondPerson(await dualControl.propose(tx, { ...proposal, proposedBy }));
      });
    },
  });
}

function publicRoute({ audit, database }: KeepingRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/log/{logId}/retention',
    operationId: 'readLogRetention',
    summary:
      'The published retention policy of a log: bundles that end at the minimum index or before are denied',
    security: {
      kind: 'public',
      reason: 'c2sp.org/tlog-tiles demands that a log which prunes publishes its policy',
    },
    audit: { kind: 'none', reason: 'anonymous reads of a public document' },
    request: { params: logParamsSchema },
    responses: {
      200: { description: 'The policy', schema: publicRetentionSchema },
      404: { description: 'No such log' },
    },
    handler: async ({ params: { logId } }) => {
      const log = await audit.logById(logId);
      if (log === null) throw notFound('log', logId);
      return database.withTenant(
        log.tenantId,
        async (tx) => {
          const policy = await audit.retention(tx);
          const body = {
            origin: log.origin,
            minimumIndex: await audit.minimumIndex(tx),
            policy:
              policy === null ? null : { revision: policy.revision, days: policy.days, text: policy.text },
          };
          return { status: 200, body };
        },
        { readOnly: true },
      );
    },
  });
}
