import type { Database, Tx } from '../../db/index.ts';
import type { AuditEvent, AuditSink, Clock, Logger, NewId, TenantId } from '../../kernel/index.ts';
import { listLogs } from '../list-logs.ts';
import { effectIntent, effectOutcome, intentOrphaned } from './events.ts';
import { countOrphans, forgetIntents, insertIntent, markOrphans, settleIntent } from './store.ts';

/** What is about to be done, and for whom. */
export type EffectIntent = Pick<AuditEvent, 'actor' | 'targets' | 'subjects' | 'call'> & {
  /** Which effect, e.g. `dsr.mail`; at most 100 characters. */
  readonly effect: string;
};
/** How it went. */
export type EffectOutcome = Pick<AuditEvent, 'actor' | 'targets' | 'outcome' | 'reason'> & {
  readonly tenantId: TenantId;
};

/** Effects outside the house are two events, tied by an id. */
export type Intents = {
  /** Before the effect; it may begin when this transaction is committed. @returns the id that ties the two events */
  readonly intent: (tx: Tx, event: EffectIntent) => Promise<string>;
  /** After it, in a transaction of its own or the given one; the first outcome counts. */
  readonly outcome: (id: string, event: EffectOutcome, tx?: Tx) => Promise<void>;
  /** Tells the trail, once each, of intents that nobody settled. @returns how many */
  readonly findOrphans: () => Promise<number>;
  /** Orphans that are still open. */
  readonly orphans: (tx: Tx) => Promise<number>;
};

/** What it needs. */
export type IntentsDeps = {
  readonly database: Database;
  readonly audit: () => AuditSink<Tx>;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly logger: Logger;
  /** How long an effect may take before it is an orphan; default 15 minutes. */
  readonly orphanMilliseconds?: number;
};

const defaultOrphanMilliseconds = 15 * 60_000;
const forgetMilliseconds = 7 * 86_400_000;
const system: AuditEvent['actor'] = Object.freeze({ kind: 'system', id: 'audit', displayName: 'Intents' });

/** Makes the part. */
export function createIntents(deps: IntentsDeps): Intents {
  const { database, audit, clock, newId } = deps;
  const settle = async (tx: Tx, id: string, { tenantId, ...event }: EffectOutcome): Promise<void> => {
    const { rows } = await tx.query<{ effect: string }>(settleIntent, [tenantId, id, clock.now()]);
    const effect = rows[0]?.effect;
    if (effect === undefined) return;
    await audit().append(tx, {
      ...event,
      tenantId,
      definition: effectOutcome,
      detail: { intentId: id, effect },
    });
  };
  return Object.freeze({
    intent: async (tx, { effect, ...event }) => {
      const { tenantId } = tx;
      const id = newId();
      await tx.query(insertIntent, [tenantId, id, effect, clock.now()]);
      const detail = { intentId: id, effect };
      await audit().append(tx, { ...event, tenantId, definition: effectIntent, outcome: 'success', detail });
      return id;
    },
    outcome: (id, event, tx) =>
      tx === undefined
        ? database.withTenant(event.tenantId, (own) => settle(own, id, event))
        : settle(tx, id, event),
    findOrphans: () => findOrphans(deps),
    orphans: async (tx) =>
      (await tx.query<{ count: number }>(countOrphans, [tx.tenantId])).rows[0]?.count ?? 0,
  } satisfies Intents);
}

async function findOrphans(deps: IntentsDeps): Promise<number> {
  let found = 0;
  for (const { tenantId } of await listLogs(deps.database)) {
    found += await deps.database
      .withTenant(tenantId, (tx) => tellOrphans(tx, deps))
      .catch((error: unknown) => {
        deps.logger.error('orphan intents could not be told; the next round tries again', {
          error,
          tenantId,
        });
        return 0;
      });
  }
  return found;
}

async function tellOrphans(tx: Tx, { audit, clock, orphanMilliseconds }: IntentsDeps): Promise<number> {
  const now = clock.now();
  const before = new Date(now.getTime() - (orphanMilliseconds ?? defaultOrphanMilliseconds));
  await tx.query(forgetIntents, [tx.tenantId, new Date(now.getTime() - forgetMilliseconds)]);
  const values = [tx.tenantId, before, now];
  const { rows } = await tx.query<{ id: string; effect: string; begunAt: Date }>(markOrphans, values);
  for (const { id, effect, begunAt } of rows) {
    await audit().append(tx, {
      definition: intentOrphaned,
      tenantId: tx.tenantId,
      outcome: 'failure',
      actor: system,
      targets: [{ type: 'audit.intent', id }],
      detail: { intentId: id, effect, begunAt: begunAt.toISOString() },
      idempotencyKey: `intent orphaned ${id}`,
    });
  }
  return rows.length;
}
