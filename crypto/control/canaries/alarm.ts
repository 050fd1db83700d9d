import type { Database, Tx } from '../../../db/index.ts';
import type { AuditSink, Clock, KeyId, Logger, TenantId } from '../../../kernel/index.ts';
import { poisonOpened } from './events.ts';
import { markCanaryOpened } from './store.ts';

/** Where a canary was opened. */
export type OpenedAt = { readonly collection: string; readonly field: string };

/** Tells of opened canaries. */
export type Alarm = {
  /** Called for every opening; who opened it learns nothing of it. */
  readonly ring: (tenantId: TenantId, kid: KeyId, place: OpenedAt) => void;
  /** Resolves when what was opened is recorded. */
  readonly settled: () => Promise<void>;
};

const silenceMilliseconds = 60_000;
const maxRemembered = 10_000;

/** One alert per canary and minute, so that a scan of a table does not flood the trail with the same one. */
export function createAlarm(deps: {
  readonly database: Database;
  readonly audit: () => AuditSink<Tx>;
  readonly clock: Clock;
  readonly logger: Logger;
}): Alarm {
  const rung = new Map<string, number>();
  const running = new Set<Promise<void>>();
  const record = async (tenantId: TenantId, kid: KeyId, place: OpenedAt): Promise<void> => {
    try {
      const values = [tenantId, Buffer.from(kid, 'hex'), deps.clock.now()];
      const { rows } = await deps.database.withTenant(tenantId, (tx) =>
        tx.query<{ id: string }>(markCanaryOpened, values),
      );
      const canaryId = rows[0]?.id ?? null;
      await deps.audit().record({
        definition: poisonOpened,
        tenantId,
        outcome: 'failure',
        reason: 'canary opened',
        actor: { kind: 'system', id: 'crypto', displayName: 'Canaries' },
        targets: [{ type: 'crypto.key', id: kid }],
        detail: { severity: 'high', canaryId, kid, ...place },
      });
    } catch (error) {
      rung.delete(`${tenantId}/${kid}`); // the next opening rings again
      deps.logger.error('an opened canary could not be recorded', { error, tenantId, kid });
    }
  };
  return Object.freeze({
    ring: (tenantId: TenantId, kid: KeyId, place: OpenedAt) => {
      const name = `${tenantId}/${kid}`;
      const now = deps.clock.now().getTime();
      const last = rung.get(name);
      if (last !== undefined && now - last < silenceMilliseconds) return;
      if (rung.size >= maxRemembered) rung.clear();
      rung.set(name, now);
      deps.logger.error('a canary was opened', { tenantId, kid, ...place });
      const work = record(tenantId, kid, place).finally(() => running.delete(work));
      running.add(work);
    },
    settled: async () => void (await Promise.all(running)),
  });
}
