import type { Tx } from '../../db/index.ts';
import type { KeyId, TenantId } from '../../kernel/index.ts';
import { scheduleOf, type StandingSchedule } from './schedule.ts';
import { readEpochsOfKeys, readEpochsOfRequest } from './store-epochs.ts';

/** What an end of an epoch rests on. */
export type HorizonBasis =
  /** The provider has forgotten the epoch. */
  | 'destroyed'
  /** The provider has named the day. */
  | 'scheduled'
  /** The tenant's standing schedule leads there. */
  | 'standing_schedule'
  /** Nobody has laid down an end. */
  | 'none'
  /** There never was a key, so no backup has one. */
  | 'no_key';

/** Until when a backup could bring the content of keys back. */
export type Horizon = { readonly until: Date | null; readonly basis: HorizonBasis };

/** A row of `crypto.kek` as far as its end is concerned. */
export type EpochRow = {
  readonly epoch: number;
  readonly provider: string;
  readonly state: 'active' | 'rewrapping' | 'superseded' | 'scheduled' | 'destroyed';
  readonly created_at: Date;
  readonly superseded_at: Date | null;
  readonly destroy_at: Date | null;
  readonly destroyed_at: Date | null;
  readonly destroy_tried_at: Date | null;
  readonly destroy_error: string | null;
  readonly keys: number;
};

/** What turns a schedule into days. */
export type HorizonFacts = {
  readonly schedule: StandingSchedule;
  readonly now: Date;
  /** Days between asking the provider of the epoch and its destroying; null: it could not be asked. */
  readonly destroyDelayDays: number | null;
};

/** How long a provider takes to destroy, by the name in a row of `crypto.kek`. */
export type DelayOf = (tenantId: TenantId, provider: string) => Promise<number | null>;

const dayMilliseconds = 86_400_000;
const addDays = (from: Date, days: number): Date => new Date(from.getTime() + days * dayMilliseconds);
const later = (a: Date, b: Date): Date => (a > b ? a : b);

/** When backups stop opening what one epoch has wrapped. */
export function endOf(row: EpochRow, facts: HorizonFacts): Horizon {
  const { now, destroyDelayDays, schedule } = facts;
  const { rotateEveryDays, retireAfterDays } = schedule;
  if (row.state === 'destroyed') return { until: row.destroyed_at ?? row.created_at, basis: 'destroyed' };
  if (row.state === 'scheduled' && row.destroy_at !== null)
    return { until: row.destroy_at, basis: 'scheduled' };
  if (retireAfterDays === null || destroyDelayDays === null) return { until: null, basis: 'none' };
  const by = (left: Date): Horizon => ({
    until: addDays(later(now, addDays(left, retireAfterDays)), destroyDelayDays),
    basis: 'standing_schedule',
  });
  if (row.state === 'superseded') return by(row.superseded_at ?? now);
  if (row.state === 'rewrapping') return by(now);
  if (rotateEveryDays === null) return { until: null, basis: 'none' };
  return by(later(now, addDays(row.created_at, rotateEveryDays)));
}

const strength: Readonly<Record<HorizonBasis, number>> = {
  no_key: 0,
  destroyed: 1,
  scheduled: 2,
  standing_schedule: 3,
  none: 4,
};

/** The latest end of several epochs; one without an end leaves all without one. */
export function latest(ends: readonly Horizon[]): Horizon {
  return ends.reduce<Horizon>(
    (worst, end) => {
      if (worst.basis === 'none' || end.basis === 'none') return { until: null, basis: 'none' };
      if (worst.until === null) return end;
      if (end.until === null) return worst;
      return end.until > worst.until ||
        (end.until.getTime() === worst.until.getTime() && strength[end.basis] > strength[worst.basis])
        ? end
        : worst;
    },
    { until: null, basis: 'no_key' },
  );
}

type Facts = { readonly now: Date; readonly delayOf: DelayOf };

/** Until when a backup could open what these keys sealed: every epoch that may stand around one of them counts. */
export async function horizonOf(tx: Tx, kids: readonly KeyId[], facts: Facts): Promise<Horizon> {
  if (kids.length === 0) return { until: null, basis: 'no_key' };
  const bytes = kids.map((kid) => Buffer.from(kid, 'hex'));
  return endOfAll(tx, (await tx.query<EpochRow>(readEpochsOfKeys, [tx.tenantId, bytes])).rows, facts);
}

/** As {@link horizonOf}, for all keys that were destroyed for a request. */
export async function horizonOfRequest(tx: Tx, requestId: string, facts: Facts): Promise<Horizon> {
  return endOfAll(tx, (await tx.query<EpochRow>(readEpochsOfRequest, [tx.tenantId, requestId])).rows, facts);
}

async function endOfAll(tx: Tx, rows: readonly EpochRow[], { now, delayOf }: Facts): Promise<Horizon> {
  const schedule = await scheduleOf(tx);
  const ends: Horizon[] = [];
  for (const row of rows)
    ends.push(endOf(row, { schedule, now, destroyDelayDays: await delayOf(tx.tenantId, row.provider) }));
  return latest(ends);
}
