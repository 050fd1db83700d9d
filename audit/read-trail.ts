import type { z } from 'zod';
import type { Database, Tx } from '../db/index.ts';
import { requirePrincipal, type CallContext, type Principal } from '../kernel/index.ts';
import type { Audit } from './audit.ts';
import { trailRead } from './events.ts';

/** What is read, as the record of the reading says it. */
export type Reading = {
  readonly what: z.output<typeof trailRead.detail>['what'];
  readonly filters?: Record<string, string>;
  readonly seq?: number;
};
/** Who reads. */
export type Caller = { readonly principal: Principal | null; readonly call: CallContext };
/** Reads and records the reading in one transaction: what cannot be recorded is not read. */
export type ReadTrail = <T>(
  caller: Caller,
  reading: Reading,
  work: (tx: Tx) => Promise<T>,
  count: (result: T) => number,
) => Promise<T>;

/** Every reading of the trail needs this. */
export const readSecurity = { kind: 'principal', action: 'audit.read' } as const;
/** Every reading of events is itself an event. */
export const recordedReading = { kind: 'event', actions: [trailRead.action] } as const;

/** @see ReadTrail */
export function createReadTrail(audit: Audit, database: Database): ReadTrail {
  return async ({ principal, call }, reading, work, count) => {
    const actor = requirePrincipal(principal);
    const { tenantId } = actor;
    await audit.prepare(tenantId);
    // What search finds by words lags a little behind the log; a reader does not see that.
    if (reading.filters !== undefined) await audit.project(tenantId);
    if (await audit.spool.isSpooled(tenantId)) {
      // Not in the transaction that reads: one that failed to record would be lost as a whole.
      const result = await database.withTenant(tenantId, work);
      const detail = { ...reading, returned: count(result) };
      await audit.record({ definition: trailRead, tenantId, outcome: 'success', actor, call, detail });
      return result;
    }
    return database.withTenant(tenantId, async (tx) => {
      const result = await work(tx);
      const detail = { ...reading, returned: count(result) };
      await audit.append(tx, { definition: trailRead, tenantId, outcome: 'success', actor, call, detail });
      return result;
    });
  };
}
