import { exactlyOne, type Database, type Tx } from '../../db/index.ts';
import { invalidRequest, type AuditSink, type Clock } from '../../kernel/index.ts';
import type { AuditCrypto } from '../crypto-need.ts';
import { parseLeafBody } from '../leaf.ts';
import { selectToProject } from '../search/store.ts';
import { selectLogSize } from '../sinks/store.ts';
import { createEvaluator, type Raised } from './evaluator.ts';
import { ruleTested } from './events.ts';
import { silenceGraceMilliseconds } from './follower.ts';
import { passEntries, rulesByAction, type Entry } from './pass-entries.ts';
import { createPlaces, type Places } from './places.ts';
import { maxNamedEvents } from './raise-alert.ts';
import { emptyState, type RuleState } from './rule-state.ts';
import { digestOf, type RuleDefinition } from './rule.ts';
import type { TenantActor } from './rules.ts';
import { selectFirstSince, upsertBacktest } from './store.ts';

/** Events that one back-test may go through. */
export const maxBacktestEvents = 5_000_000;
/** Alerts that it names; the rest is counted. */
export const maxBacktestAlerts = 1_000;

/** What is tried. */
export type BacktestQuery = {
  /** Null for a rule that is not stored. */
  readonly ruleId: string | null;
  readonly definition: RuleDefinition;
  /** First event; default: as many of the newest as are allowed. */
  readonly from: number | null;
  /** Instead of `from`: when the first event happened. */
  readonly since: Date | null;
  /** Exclusive; default: the end of the log. */
  readonly to: number | null;
  /** For absence: when waiting begins; default: when the first event was received. */
  readonly beginAt?: number;
  readonly signal: AbortSignal;
};

/** A line of a back-test. */
export type BacktestLine =
  | { readonly kind: 'begun'; readonly from: number; readonly to: number; readonly digest: string }
  | { readonly kind: 'progress'; readonly events: number; readonly next: number; readonly alerts: number }
  | {
      readonly kind: 'alert';
      readonly key: string;
      readonly at: string;
      readonly seqs: readonly number[];
      readonly events: number;
      readonly note: string | null;
    }
  | {
      readonly kind: 'finished';
      readonly events: number;
      readonly alerts: number;
      readonly named: number;
      readonly opened: number;
      readonly heldBack: RuleState['counts'];
      readonly milliseconds: number;
    };

/** What it needs. */
export type BacktestDeps = {
  readonly database: Database;
  readonly crypto: Pick<AuditCrypto, 'open' | 'warm'>;
  readonly clock: Clock;
  readonly audit: () => AuditSink<Tx>;
  /** Entries of one read; default 2,000. */
  readonly entriesPerTransaction?: number;
};

type Range = { readonly from: number; readonly to: number; readonly isUpToNow: boolean };
type Run = { events: number; alerts: number; named: number; opened: number };

/**
 * Tries a rule on history. Raises nothing; keeps only that this definition was tried, when it went through to the end.
 * That somebody reads the log so is recorded before the first event is read.
 */
export async function* runBacktest(
  deps: BacktestDeps,
  actor: TenantActor,
  query: BacktestQuery,
): AsyncGenerator<BacktestLine> {
  const { database, clock } = deps;
  const { tenantId } = actor;
  const startedAt = performance.now();
  await deps.crypto.warm(tenantId);
  const range = await database.withTenant(tenantId, async (tx) => {
    const found = await rangeOf(tx, query);
    await record(deps, tx, actor, query, { ...found, state: 'begun', alerts: 0, opened: 0 });
    return found;
  });
  yield { kind: 'begun', from: range.from, to: range.to, digest: digestOf(query.definition).toString('hex') };
  const places = createPlaces(deps.crypto);
  const state = emptyState(query.beginAt ?? null);
  const run: Run = { events: 0, alerts: 0, named: 0, opened: 0 };
  yield* passRange(deps, actor, { query, range, state, places, run });
  if (query.signal.aborted) return;
  await database.withTenant(tenantId, async (tx) => {
    const values = [digestOf(query.definition), clock.now(), actor.id, range.from, range.to, run.alerts];
    await tx.query(upsertBacktest, values);
    await record(deps, tx, actor, query, { ...range, ...run, state: 'finished' });
  });
  const milliseconds = Math.round(performance.now() - startedAt);
  yield { kind: 'finished', ...run, heldBack: state.counts, milliseconds };
}

type Pass = {
  readonly query: BacktestQuery;
  readonly range: Range;
  readonly state: RuleState;
  readonly places: Places;
  readonly run: Run;
};

async function* passRange(
  { database, clock, entriesPerTransaction = 2_000 }: BacktestDeps,
  { tenantId }: TenantActor,
  { query, range, state, places, run }: Pass,
): AsyncGenerator<BacktestLine> {
  const evaluator = createEvaluator(query.ruleId, query.definition, state, places);
  const rulesOf = rulesByAction([{ id: '', since: 0, evaluator }]);
  let lastReceivedAt = state.lastSeen;
  for (let next = range.from; next < range.to && !query.signal.aborted;) {
    const limit = Math.min(entriesPerTransaction, range.to - next);
    const passed = await database.withTenant(
      tenantId,
      async (tx) => {
        const { rows } = await tx.query<Entry>(selectToProject, [tenantId, next, limit]);
        if (state.lastSeen === null && rows[0] !== undefined) state.lastSeen = receivedAt(rows[0]);
        return rows.length === 0
          ? null
          : passEntries(tx, rows, { rulesOf, places, stopAfter: Number.POSITIVE_INFINITY });
      },
      { readOnly: true },
    );
    if (passed === null) break; // the beginning of a log may have been pruned; nothing is left here
    run.events += passed.next - next;
    run.opened += passed.opened;
    next = passed.next;
    lastReceivedAt = passed.lastReceivedAt;
    yield* linesOf(
      passed.raised.map(({ raised }) => raised),
      run,
    );
    yield { kind: 'progress', events: run.events, next, alerts: run.alerts };
  }
  if (query.signal.aborted) return;
  const now = range.isUpToNow ? clock.now().getTime() - silenceGraceMilliseconds : lastReceivedAt;
  if (now !== null) yield* linesOf(evaluator.passTime(now), run);
}

const receivedAt = (entry: Entry): number => Date.parse(parseLeafBody(entry.body).receivedAt);

function* linesOf(raised: readonly Raised[], run: Run): Generator<BacktestLine> {
  for (const { key, at, seqs, note } of raised) {
    run.alerts += 1;
    if (run.named >= maxBacktestAlerts) continue;
    run.named += 1;
    const named = seqs.slice(-maxNamedEvents);
    yield { kind: 'alert', key, at: new Date(at).toISOString(), seqs: named, events: seqs.length, note };
  }
}

async function rangeOf(tx: Tx, { from, since, to }: BacktestQuery): Promise<Range> {
  const { size } = exactlyOne(await tx.query<{ size: number }>(selectLogSize), 'size');
  const end = Math.min(to ?? size, size);
  const isUpToNow = end === size;
  if (from === null && since === null)
    return { from: Math.max(0, end - maxBacktestEvents), to: end, isUpToNow };
  const found =
    from ??
    (await tx.query<{ seq: number | null }>(selectFirstSince, [tx.tenantId, since])).rows[0]?.seq ??
    end;
  if (found > end) throw invalidRequest(`"from" is ${found}, but the range ends at ${end}`);
  if (end - found > maxBacktestEvents)
    throw invalidRequest(
      `the range has ${end - found} events, a back-test goes through ${maxBacktestEvents} at most; give a later "from"`,
    );
  return { from: found, to: end, isUpToNow };
}

async function record(
  { audit }: BacktestDeps,
  tx: Tx,
  actor: TenantActor,
  { definition, ruleId }: BacktestQuery,
  {
    from,
    to,
    state,
    alerts,
    opened,
  }: Omit<Range, 'isUpToNow'> & {
    readonly state: 'begun' | 'finished';
    readonly alerts: number;
    readonly opened: number;
  },
): Promise<void> {
  const digest = digestOf(definition).toString('hex');
  await audit().append(tx, {
    definition: ruleTested,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor,
    targets: ruleId === null ? [] : [{ type: 'audit.alert_rule', id: ruleId }],
    detail: { kind: definition.kind, digest, from, to, state, alerts, opened },
  });
}
