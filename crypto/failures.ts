import type { Database, Tx } from '../db/index.ts';
import type { AuditSink, Clock, Logger, TenantId } from '../kernel/index.ts';
import { createAlarm } from './control/canaries/alarm.ts';
import type { DataKey } from './data-key.ts';
import { decryptError, type DecryptCause } from './errors.ts';
import { dataUnreadable } from './events.ts';

/** What failed, for the log and the audit trail: names and ids, no content. */
export type DecryptFailure = {
  readonly cause: DecryptCause;
  readonly kid: string | null;
  readonly collection: string;
  readonly field: string;
};

/** Reports failed decryptions. */
export type Failures = {
  /** Logs and records the cause; returns the one error that says nothing of it. */
  readonly report: (tx: Tx, failure: DecryptFailure) => Error;
  /** A value was opened; rings when its key is that of a canary. */
  readonly opened: (tx: Tx, key: DataKey, collection: string, field: string) => void;
  /** Resolves when what was reported is recorded. */
  readonly settled: () => Promise<void>;
};

const silenceMilliseconds = 60_000;
const maxRemembered = 10_000;

/** Records each cause at most once a minute per tenant, key and field, so that damage cannot flood the trail. */
export function createFailures(deps: {
  readonly database: Database;
  readonly audit: () => AuditSink<Tx>;
  readonly clock: Clock;
  readonly logger: Logger;
}): Failures {
  const recorded = new Map<string, number>();
  const running = new Set<Promise<void>>();
  const alarm = createAlarm(deps);
  const isNew = (name: string): boolean => {
    const now = deps.clock.now().getTime();
    const last = recorded.get(name);
    if (last !== undefined && now - last < silenceMilliseconds) return false;
    if (recorded.size >= maxRemembered) recorded.clear();
    recorded.set(name, now);
    return true;
  };
  const record = async (tenantId: TenantId, failure: DecryptFailure): Promise<void> => {
    try {
      await deps.audit().record({
        definition: dataUnreadable,
        tenantId,
        outcome: 'failure',
        reason: failure.cause,
        actor: { kind: 'system', id: 'crypto', displayName: 'crypto' },
        targets: failure.kid === null ? [] : [{ type: 'crypto.key', id: failure.kid }],
        detail: { ...failure },
      });
    } catch (error) {
      deps.logger.error('a failed decryption could not be recorded', {
        error,
        tenantId,
        cause: failure.cause,
      });
    }
  };
  return Object.freeze({
    report: (tx: Tx, failure: DecryptFailure) => {
      deps.logger.warn('a value could not be decrypted', { tenantId: tx.tenantId, ...failure });
      const { cause, kid, collection, field } = failure;
      if (isNew(`${tx.tenantId}/${cause}/${kid ?? ''}/${collection}/${field}`)) {
        const work = record(tx.tenantId, failure).finally(() => running.delete(work));
        running.add(work);
      }
      return decryptError();
    },
    opened: (tx: Tx, key: DataKey, collection: string, field: string) => {
      if (key.poison) alarm.ring(tx.tenantId, key.kid, { collection, field });
    },
    settled: async () => {
      await Promise.all(running);
      await alarm.settled();
    },
  });
}
