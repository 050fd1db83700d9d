import type { Tx } from '../../db/index.ts';
import type { KeyId, TenantId } from '../../kernel/index.ts';
import type { Executors } from '../control/dual-control.ts';
import type { Actor } from '../types.ts';
import { confirmScheduled, destroyEpochs } from './destroy-epochs.ts';
import {
  endOf,
  horizonOf,
  horizonOfRequest,
  type EpochRow,
  type Horizon,
  type DelayOf,
  type HorizonBasis,
  type HorizonFacts,
} from './horizon.ts';
import {
  carryOn,
  epochToRetire,
  openRetirements,
  retire,
  type RetireDeps,
  type Retirement,
} from './retire.ts';
import { putSchedule, scheduleOf, scheduleSchema, type StandingSchedule } from './schedule.ts';
import { readEpochLives } from './store-epochs.ts';

/** One epoch and its end. */
export type EpochLife = {
  readonly epoch: number;
  readonly provider: string;
  readonly state: EpochRow['state'];
  readonly keys: number;
  readonly createdAt: Date;
  readonly supersededAt: Date | null;
  readonly destroyAt: Date | null;
  readonly destroyedAt: Date | null;
  /** Until when backups open what it has wrapped; null: nobody has laid down an end. */
  readonly until: Date | null;
  readonly basis: HorizonBasis;
  readonly error: string | null;
  readonly triedAt: Date | null;
};

/** Epochs, schedule and open retirements of a tenant. */
export type LifeOfKeys = {
  readonly schedule: StandingSchedule;
  readonly retirements: readonly Retirement[];
  readonly epochs: readonly EpochLife[];
};

/** The end of keys. */
export type Erasure = {
  readonly life: (tx: Tx) => Promise<LifeOfKeys>;
  /** Until when a backup could open what these keys sealed. */
  readonly horizon: (tx: Tx, kids: readonly KeyId[]) => Promise<Horizon>;
  /** As `horizon`, for the keys that were destroyed for a request. */
  readonly horizonOfRequest: (tx: Tx, requestId: string) => Promise<Horizon>;
  /** What `crypto.retire` would retire: the epoch named, else the newest. @throws ERR_CRYPTO_INPUT */
  readonly epochToRetire: (tx: Tx, throughEpoch: number | null) => Promise<number>;
  /** Lays down the first schedule of a new tenant; one that is there stays. */
  readonly adoptSchedule: (tx: Tx, schedule: StandingSchedule, actor: Actor) => Promise<boolean>;
  /** Does what the schedule and approved retirements ask for. @returns how many epochs it ended or began */
  readonly tick: (tenantId: TenantId) => Promise<number>;
  /** `crypto.retire` and `crypto.change_schedule`, for dual control. */
  readonly executors: Executors;
};

/** What the part needs. */
export type ErasureDeps = RetireDeps;

const scheduler: Actor = { kind: 'system', id: 'crypto', displayName: 'Standing schedule' };
const dayMilliseconds = 86_400_000;
const maxRemembered = 10_000;
const everyEpoch = 2_147_483_647;

/** Makes the part. */
export function createErasure(deps: ErasureDeps): Erasure {
  const delayOf = rememberedDelays(deps);
  const facts = (): { now: Date; delayOf: DelayOf } => ({ now: deps.clock.now(), delayOf });
  return Object.freeze({
    life: (tx: Tx) => readLife(tx, facts()),
    horizon: (tx: Tx, kids: readonly KeyId[]) => horizonOf(tx, kids, facts()),
    horizonOfRequest: (tx: Tx, requestId: string) => horizonOfRequest(tx, requestId, facts()),
    epochToRetire,
    adoptSchedule: (tx: Tx, schedule: StandingSchedule, actor: Actor) =>
      putSchedule(tx, deps.audit(), { schedule, approvalId: null, actor, now: deps.clock.now() }),
    tick: (tenantId: TenantId) => tick(deps, tenantId),
    executors: {
      'crypto.retire': (approved) => retire(deps, approved),
      'crypto.change_schedule': async ({ tenantId, payload, approvedBy, proposalId }) => {
        const schedule = scheduleSchema.parse(payload);
        const change = { schedule, approvalId: proposalId, actor: approvedBy, now: deps.clock.now() };
        await deps.database.withTenant(tenantId, (tx) => putSchedule(tx, deps.audit(), change));
        return schedule;
      },
    },
  } satisfies Erasure);
}

/** Asked once per provider: it stands in how it was set up, and a transaction must not wait for one again and again. */
function rememberedDelays(deps: ErasureDeps): DelayOf {
  const known = new Map<string, number | null>();
  return async (tenantId, provider) => {
    const name = `${tenantId}/${provider}`;
    const before = known.get(name);
    if (before !== undefined) return before;
    try {
      const { destroyDelayDays } = await (await deps.providerOf(tenantId, provider)).describe();
      if (known.size >= maxRemembered) known.clear();
      known.set(name, destroyDelayDays);
      return destroyDelayDays;
    } catch (error) {
      deps.logger.warn('a provider did not say how long it takes to destroy', { tenantId, provider, error });
      return null;
    }
  };
}

async function readLife(
  tx: Tx,
  { now, delayOf }: { readonly now: Date; readonly delayOf: DelayOf },
): Promise<LifeOfKeys> {
  const schedule = await scheduleOf(tx);
  const { rows } = await tx.query<EpochRow>(readEpochLives, [tx.tenantId]);
  const epochs: EpochLife[] = [];
  for (const row of rows) {
    const destroyDelayDays = await delayOf(tx.tenantId, row.provider);
    epochs.push(epochLife(row, { schedule, now, destroyDelayDays }));
  }
  return { schedule, retirements: await openRetirements(tx), epochs };
}

function epochLife(row: EpochRow, facts: HorizonFacts): EpochLife {
  return {
    epoch: row.epoch,
    provider: row.provider,
    state: row.state,
    keys: row.keys,
    createdAt: row.created_at,
    supersededAt: row.state === 'active' || row.state === 'rewrapping' ? null : row.superseded_at,
    destroyAt: row.destroy_at,
    destroyedAt: row.destroyed_at,
    ...endOf(row, facts),
    error: row.destroy_error,
    triedAt: row.destroy_tried_at,
  };
}

/** Retirements that two people wanted come first, then the schedule; each step may be repeated after a crash. */
async function tick(deps: ErasureDeps, tenantId: TenantId): Promise<number> {
  let done = await confirmScheduled(deps, tenantId, scheduler);
  const { life, open } = await deps.database.withTenant(tenantId, async (tx) => ({
    life: await readLife(tx, { now: deps.clock.now(), delayOf: async () => 0 }),
    open: await openRetirements(tx),
  }));
  for (const retirement of open) if ((await carryOn(deps, tenantId, retirement, scheduler)).done) done += 1;
  const { rotateEveryDays, retireAfterDays } = life.schedule;
  const daysAgo = (days: number): Date => new Date(deps.clock.now().getTime() - days * dayMilliseconds);
  const active = life.epochs.find(({ state }) => state === 'active');
  if (rotateEveryDays !== null && active !== undefined && active.createdAt <= daysAgo(rotateEveryDays)) {
    await deps.rotate(tenantId, { actor: scheduler });
    done += 1;
  }
  if (retireAfterDays === null) return done;
  const wanted = {
    throughEpoch: everyEpoch,
    supersededBefore: daysAgo(retireAfterDays),
    actor: scheduler,
    atOnce: false,
  };
  return done + (await destroyEpochs(deps, tenantId, wanted)).ended;
}
