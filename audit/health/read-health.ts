import { exactlyOne, type Database, type Tx } from '../../db/index.ts';
import type { Clock, TenantId } from '../../kernel/index.ts';
import type { Alerts } from '../alerts/alerts.ts';
import type { SequencerHealth } from '../sequencer.ts';
import type { Sinks } from '../sinks/sinks.ts';
import type { WitnessClient } from '../witness/witness-client.ts';
import { judgeHealth, type HealthCheck } from './judge-health.ts';
import { selectLogPositions } from './store.ts';
import { readVerification, type Verification } from './verify-logs.ts';

/** What is known of a tenant's log. Times in milliseconds. */
export type HealthFigures = {
  readonly size: number;
  readonly checkpointAgeMilliseconds: number | null;
  /** Events that are durable but not in a signed checkpoint yet; at most 100,000 are counted. */
  readonly pending: number;
  readonly oldestPendingMilliseconds: number;
  /** Sequence numbers below the size of the checkpoint that no entry has at the end of the log. */
  readonly gaps: number;
  readonly sequencer: Pick<SequencerHealth, 'ok' | 'detail'>;
  readonly witnesses: { readonly state: 'none' | 'met' | 'behind' | 'halted'; readonly detail: string };
  readonly verification: Verification | null;
  readonly verificationAgeMilliseconds: number | null;
  readonly sinks: readonly {
    readonly name: string;
    readonly state: 'active' | 'paused' | 'failing';
    readonly lag: number;
  }[];
  readonly searchLag: number;
  /** Null: no rule is switched on. */
  readonly ruleLag: number | null;
  /** How far the clock of this process, which stamps events, is ahead of the database's. */
  readonly clockSkewMilliseconds: number;
  readonly alerts: { readonly open: number; readonly urgent: number };
  readonly mails: { readonly waiting: number; readonly failing: number };
};
/** The figures, and what is to be thought of them. */
export type LogHealth = {
  /** False as soon as one check is failing. */
  readonly ok: boolean;
  readonly checks: readonly HealthCheck[];
  readonly figures: HealthFigures;
};

/** What it needs. */
export type ReadHealthDeps = {
  readonly database: Database;
  readonly clock: Clock;
  readonly sequencerHealth: () => SequencerHealth;
  readonly witnesses: Pick<WitnessClient, 'quorum'>;
  readonly sinks: Pick<Sinks, 'list'>;
  readonly alerts: Pick<Alerts, 'count'>;
};

type Positions = {
  readonly size: number;
  readonly checkpointAt: Date | null;
  readonly databaseTime: Date;
  readonly endOfEntries: number;
  readonly pending: number;
  readonly oldestPending: Date | null;
  readonly searched: number;
  readonly followed: number;
  readonly rulesSince: number | null;
};

/** Looks at everything that follows a tenant's log. */
export function createReadHealth(deps: ReadHealthDeps): (tenantId: TenantId) => Promise<LogHealth> {
  return async (tenantId) => {
    const { state, detail } = await deps.witnesses.quorum();
    const { ok, detail: sequencerDetail } = deps.sequencerHealth();
    const stored = await deps.database.withTenant(tenantId, (tx) => readStored(tx, deps), { readOnly: true });
    const figures: HealthFigures = {
      ...stored,
      witnesses: { state, detail },
      sequencer: { ok, detail: sequencerDetail },
    };
    const checks = judgeHealth(figures);
    return { ok: checks.every((check) => check.state !== 'failing'), checks, figures };
  };
}

async function readStored(
  tx: Tx,
  { clock, sinks, alerts }: ReadHealthDeps,
): Promise<Omit<HealthFigures, 'witnesses' | 'sequencer'>> {
  const before = clock.now().getTime();
  const at = exactlyOne(await tx.query<Positions>(selectLogPositions, [tx.tenantId]), 'position');
  const after = clock.now().getTime();
  const verification = await readVerification(tx);
  const { open, urgent, mails, failedMails } = await alerts.count(tx);
  const age = (time: Date | null | undefined): number | null =>
    time == null ? null : Math.max(0, after - time.getTime());
  const followed = Math.max(at.followed, at.rulesSince ?? 0);
  return {
    size: at.size,
    checkpointAgeMilliseconds: age(at.checkpointAt),
    pending: at.pending,
    oldestPendingMilliseconds: age(at.oldestPending) ?? 0,
    gaps: Math.abs(at.size - at.endOfEntries),
    verification,
    verificationAgeMilliseconds: age(verification?.at),
    sinks: (await sinks.list(tx)).map(({ name, state, lag }) => ({ name, state, lag })),
    searchLag: Math.max(0, at.size - at.searched),
    ruleLag: at.rulesSince === null ? null : Math.max(0, at.size - followed),
    clockSkewMilliseconds: Math.round((before + after) / 2 - at.databaseTime.getTime()),
    alerts: { open, urgent },
    mails: { waiting: mails, failing: failedMails },
  };
}
