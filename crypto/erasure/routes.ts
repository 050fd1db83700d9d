import type { Database } from '../../db/index.ts';
import { defineRoute, parseSubjectId, requirePrincipal, type AnyRoute } from '../../kernel/index.ts';
import type { DualControl } from '../control/dual-control.ts';
import { awaitingSchema, awaitingSecondPerson } from '../control/schema.ts';
import type { Crypto } from '../types.ts';
import { changeScheduleSchema, lifeSchema, retireSchema, shreddedSchema, shredSchema } from './schema.ts';

/** What the routes need. */
export type ErasureRoutesDeps = { readonly database: Database; readonly dualControl: DualControl };

const stepUp = { level: 2, maxAgeSeconds: 300 } as const;
const awaiting = {
  202: { description: 'Proposed; a second person must approve this digest', schema: awaitingSchema },
} as const;

/** `/v1/crypto/epochs`, `/retire`, `/schedule`, `/shred`: the end of keys. */
export function createErasureRoutes(crypto: Crypto, deps: ErasureRoutesDeps): readonly AnyRoute[] {
  return [
    epochsRoute(crypto, deps),
    retireRoute(crypto, deps),
    scheduleRoute(deps),
    shredRoute(crypto, deps),
  ];
}

const text = (date: Date | null): string | null => date?.toISOString() ?? null;

function epochsRoute(crypto: Crypto, { database }: ErasureRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path: '/v1/crypto/epochs',
    operationId: 'readKeyEpochs',
    summary: 'Key epochs with their state and until when backups open them; schedule and open retirements',
    security: { kind: 'principal', action: 'crypto.read' },
    audit: { kind: 'none', reason: 'states and days of keys, nothing of what they protect' },
    request: {},
    responses: { 200: { description: 'The life of the keys of the tenant', schema: lifeSchema } },
    handler: async ({ principal }) => {
      const { tenantId } = requirePrincipal(principal);
      const life = await database.withTenant(tenantId, (tx) => crypto.erasure.life(tx), { readOnly: true });
      const epochs = life.epochs.map((epoch) => ({
        ...epoch,
        createdAt: epoch.createdAt.toISOString(),
        supersededAt: text(epoch.supersededAt),
        destroyAt: text(epoch.destroyAt),
        destroyedAt: text(epoch.destroyedAt),
        until: text(epoch.until),
        triedAt: text(epoch.triedAt),
      }));
      const retirements = life.retirements.map((one) => ({ ...one, begunAt: one.begunAt.toISOString() }));
      return { status: 200, body: { ...life, retirements, epochs } };
    },
  });
}

function retireRoute(crypto: Crypto, { database, dualControl }: ErasureRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/retire',
    operationId: 'retireKeyEpochs',
    summary: 'Propose to rewrap what is live and destroy key epochs at their provider; needs a second person',
    security: { kind: 'principal', action: 'crypto.retire', stepUp },
    audit: { kind: 'event', actions: ['crypto.approval_proposed'] },
    request: { body: retireSchema },
    responses: awaiting,
    handler: async ({ principal, body }) => {
      const proposedBy = requirePrincipal(principal);
      const proposed = await database.withTenant(proposedBy.tenantId, async (tx) => {
        const throughEpoch = await crypto.erasure.epochToRetire(tx, body.throughEpoch ?? null);
        const proposal = { action: 'crypto.retire', payload: { throughEpoch }, reason: body.reason };
        return dualControl.propose(tx, { ...proposal, proposedBy });
      });
      return awaitingSecondPerson(proposed);
    },
  });
}

function scheduleRoute({ database, dualControl }: ErasureRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'PUT',
    path: '/v1/crypto/schedule',
    operationId: 'changeKeySchedule',
    summary: 'Propose when key epochs are left and destroyed by themselves; needs a second person',
    security: { kind: 'principal', action: 'crypto.retire', stepUp },
    audit: { kind: 'event', actions: ['crypto.approval_proposed'] },
    request: { body: changeScheduleSchema },
    responses: awaiting,
    handler: async ({ principal, body }) => {
      const proposedBy = requirePrincipal(principal);
      const { reason, ...payload } = body;
      const proposal = { action: 'crypto.change_schedule', payload, reason, proposedBy };
      const proposed = await database.withTenant(proposedBy.tenantId, (tx) =>
        dualControl.propose(tx, proposal),
      );
      return awaitingSecondPerson(proposed);
    },
  });
}

function shredRoute(crypto: Crypto, { database }: ErasureRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/shred',
    operationId: 'shredKeys',
    summary: 'Destroy the keys of people by hand, outside a request of theirs; their rows stay as tombstones',
    security: { kind: 'principal', action: 'crypto.shred', stepUp },
    audit: { kind: 'event', actions: ['crypto.keys_shredded'] },
    request: { body: shredSchema },
    responses: {
      200: {
        description: 'Destroyed, with the day until which backups still open them',
        schema: shreddedSchema,
      },
    },
    handler: async ({ principal, body }) => {
      const actor = requirePrincipal(principal);
      const subjects = body.subjectIds.map(parseSubjectId);
      await crypto.warm(actor.tenantId);
      return database.withTenant(actor.tenantId, async (tx) => {
        const { requestId, reason } = body;
        const { kids, ledgerIds } = await crypto.shred(tx, subjects, { requestId, reason, actor });
        const { until, basis } = await crypto.erasure.horizon(tx, kids);
        return { status: 200, body: { kids, ledgerIds, backups: { until: text(until), basis } } };
      });
    },
  });
}
