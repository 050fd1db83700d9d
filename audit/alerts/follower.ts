import { exactlyOne, type Database, type Tx } from '../../db/index.ts';
import type { AuditSink, Clock, Logger, NewId, TenantId } from '../../kernel/index.ts';
import type { AuditCrypto } from '../crypto-need.ts';
import { listLogs } from '../list-logs.ts';
import { selectToProject } from '../search/store.ts';
import { selectLogSize } from '../sinks/store.ts';
import { createEvaluator } from './evaluator.ts';
import { originsOpened } from './events.ts';
import { passEntries, rulesByAction, type Entry, type RunningRule } from './pass-entries.ts';
import { createPlaces } from './places.ts';
import { raiseAlert } from './raise-alert.ts';
import { emptyState, readState, storeState } from './rule-state.ts';
import { ruleDefinitionSchema } from './rule.ts';
import type { RuleRow } from './rules.ts';
import {
  insertAlertCursor,
  moveAlertCursor,
  selectAlertWork,
  selectEnabledRules,
  selectOldestPending,
  takeAlertCursor,
  updateRuleState,
} from './store.ts';

/** Shows every log to its enabled rules. Any number may run: who holds the cursor's row goes on, the others pass by. */
export type AlertFollower = {
  /** One round over all logs. @returns entries passed */
  readonly tick: () => Promise<number>;
  /** Follows one log to its end. @returns entries passed */
  readonly catchUp: (tenantId: TenantId) => Promise<number>;
};

/** What it is made of. */
export type AlertFollowerDeps = {
  readonly database: Database;
  readonly crypto: Pick<AuditCrypto, 'open' | 'warm'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: NewId;
  readonly audit: () => AuditSink<Tx>;
  /** Entries of one transaction; default 2,000. */
  readonly entriesPerTransaction?: number;
};

const defaultEntries = 2_000;
const alertsPerTransaction = 200;
/** An event may be under way to the log so long without making its source look dead. */
export const silenceGraceMilliseconds = 10_000;
const timeLookMilliseconds = 15_000;

/** Makes the part. */
export function createAlertFollower(deps: AlertFollowerDeps): AlertFollower {
  const { database, crypto, clock, logger } = deps;
  const lookedAt = new Map<TenantId, number>();
  const isDue = async (tenantId: TenantId): Promise<boolean> => {
    const work = exactlyOne(
      await database.withTenant(
        tenantId,
        (tx) =>
          tx.query<{ size: number; nextSeq: number; enabled: number; watchesTime: boolean }>(
            selectAlertWork,
            [tenantId],
          ),
        { readOnly: true },
      ),
      'work',
    );
    if (work.enabled === 0) return false;
    if (work.nextSeq < work.size) return true;
    const now = clock.now().getTime();
    if (!work.watchesTime || now - (lookedAt.get(tenantId) ?? 0) < timeLookMilliseconds) return false;
    lookedAt.set(tenantId, now);
    return true;
  };
  const step = async (tenantId: TenantId): Promise<number> => {
    await crypto.warm(tenantId);
    return database.withTenant(tenantId, (tx) => followSome(tx, deps));
  };
  return Object.freeze({
    catchUp: async (tenantId: TenantId) => {
      for (let done = 0; ;) {
        const count = await step(tenantId);
        done += count;
        if (count === 0) return done;
      }
    },
    tick: async () => {
      let done = 0;
      for (const { tenantId } of await listLogs(database)) {
        try {
          if (await isDue(tenantId)) done += await step(tenantId);
        } catch (error) {
          logger.error('rules could not be shown a log; the next round tries again', { error, tenantId });
        }
      }
      return done;
    },
  });
}

/** Cursor, states, alerts and their events move together or not at all. */
async function followSome(tx: Tx, deps: AlertFollowerDeps): Promise<number> {
  await tx.query(insertAlertCursor);
  const cursor = (await tx.query<{ nextSeq: number }>(takeAlertCursor)).rows[0];
  if (cursor === undefined) return 0;
  const rules = (await tx.query<RuleRow>(selectEnabledRules)).rows;
  if (rules.length === 0) return 0;
  const from = Math.max(cursor.nextSeq, Math.min(...rules.map(({ sinceSeq }) => sinceSeq ?? 0)));
  const limit = deps.entriesPerTransaction ?? defaultEntries;
  const entries = (await tx.query<Entry>(selectToProject, [tx.tenantId, from, limit])).rows;
  const places = createPlaces(deps.crypto);
  const running = rules.map((row) => startRule(row, places));
  const parts = { rulesOf: rulesByAction(running), places, stopAfter: alertsPerTransaction };
  const { raised, next, opened } = await passEntries(tx, entries, parts);
  const end = entries.length === 0 ? from : next;
  const late = await passSilence(tx, deps, running, end);
  for (const { ruleId, raised: found } of [...raised, ...late]) {
    const rule = rules.find(({ id }) => id === ruleId);
    if (rule !== undefined) await raiseAlert(tx, deps, rule, found);
  }
  if (opened > 0) await recordOpening(tx, deps, { count: opened, from, to: end });
  for (const { id, evaluator } of running)
    if (evaluator.isChanged())
      await tx.query(updateRuleState, [id, JSON.stringify(storeState(evaluator.state))]);
  if (end > cursor.nextSeq) await tx.query(moveAlertCursor, [end, deps.clock.now()]);
  return Math.max(0, end - from);
}

function startRule(row: RuleRow, places: ReturnType<typeof createPlaces>): RunningRule {
  const state = row.state === null ? emptyState(row.sinceAt?.getTime() ?? null) : readState(row.state);
  const definition = ruleDefinitionSchema.parse(row.definition);
  return {
    id: row.id,
    since: row.sinceSeq ?? 0,
    evaluator: createEvaluator(row.id, definition, state, places),
  };
}

/** Only who has seen the whole log may say what did not happen. */
async function passSilence(
  tx: Tx,
  { clock }: AlertFollowerDeps,
  running: readonly RunningRule[],
  end: number,
) {
  const { size } = exactlyOne(await tx.query<{ size: number }>(selectLogSize), 'size');
  if (end < size) return [];
  const oldest = (await tx.query<{ at: Date | null }>(selectOldestPending)).rows[0]?.at ?? null;
  const now = Math.min(clock.now().getTime() - silenceGraceMilliseconds, oldest?.getTime() ?? Infinity);
  return running.flatMap(({ id, evaluator }) =>
    evaluator.passTime(now).map((raised) => ({ ruleId: id, raised })),
  );
}

async function recordOpening(
  tx: Tx,
  { audit }: AlertFollowerDeps,
  detail: { readonly count: number; readonly from: number; readonly to: number },
): Promise<void> {
  await audit().append(tx, {
    definition: originsOpened,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: alertActor,
    detail,
  });
}

/** Who acts when a rule fires. */
export const alertActor = Object.freeze({
  kind: 'system',
  id: 'audit.alerts',
  displayName: 'Alert rules',
} as const);
