import { platformTenantId } from '../kernel/index.ts';
import type { Rooms } from './rooms.ts';
import type { ReadinessCheck } from './health-routes.ts';
import { ping } from './jobs.ts';

/** What must be well before traffic is accepted. */
export function readinessChecks(rooms: Rooms): readonly ReadinessCheck[] {
  return [
    {
      name: 'database',
      check: async () => {
        await ping(rooms.database);
        return { ok: true, detail: 'answers' };
      },
    },
    {
      name: 'keys',
      check: async () => {
        await rooms.crypto.warm(platformTenantId);
        return { ok: true, detail: 'the root key opens' };
      },
    },
    {
      name: 'log',
      check: async () => {
        const { ok, detail } = rooms.audit.health();
        return { ok, detail };
      },
    },
    {
      name: 'witnesses',
      check: async () => {
        const { state, detail } = await rooms.audit.witnesses.quorum();
        return { ok: state !== 'halted', detail: `${state}: ${detail}` };
      },
    },
    {
      // Named here, never a reason to take the process away: another one would have the same lists.
      name: 'certificates',
      check: async () => {
        const { listsEnding, listsOver } = await rooms.pki.platformPosture();
        const detail =
          listsEnding + listsOver === 0
            ? 'every revocation list is fresh'
            : `${listsOver} revocation lists of the house are over, ${listsEnding} end within three days`;
        return { ok: true, detail };
      },
    },
    { name: 'shred ledger', check: async () => rooms.crypto.shredLedger.state() },
    { name: 'policy', check: async () => rooms.policy.health() },
  ];
}
