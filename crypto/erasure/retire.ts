import { z } from 'zod';
import type { Database, Tx } from '../../db/index.ts';
import { isGatehouseError, type TenantId } from '../../kernel/index.ts';
import type { Approved } from '../control/dual-control.ts';
import { cryptoError } from '../errors.ts';
import type { Actor, RotationOptions, RotationProgress } from '../types.ts';
import { destroyEpochs, type DestroyDeps } from './destroy-epochs.ts';
import { retirementBegun, retirementFinished } from './events.ts';
import type { EpochRow } from './horizon.ts';
import {
  finishRetirement,
  insertRetirement,
  noteRetirement,
  readEpochLives,
  readOpenRetirements,
} from './store-epochs.ts';

/** What retiring needs. */
export type RetireDeps = DestroyDeps & {
  readonly rotate: (tenantId: TenantId, options: RotationOptions) => Promise<RotationProgress>;
};

/** The payload of `crypto.retire`. */
export const retirePayload = z.strictObject({ throughEpoch: z.int().min(1).max(2_147_483_647) });

/** A retirement that is not done. */
export type Retirement = {
  readonly id: string;
  readonly throughEpoch: number;
  readonly begunAt: Date;
  /** Why it waits, when it does. */
  readonly error: string | null;
};

type RetirementRow = {
  readonly id: string;
  readonly through_epoch: number;
  readonly begun_at: Date;
  readonly error: string | null;
};

/** Retirements that are being carried out, oldest first. */
export async function openRetirements(tx: Tx): Promise<readonly Retirement[]> {
  const { rows } = await tx.query<RetirementRow>(readOpenRetirements, [tx.tenantId]);
  return rows.map((row) => ({
    id: row.id,
    throughEpoch: row.through_epoch,
    begunAt: row.begun_at,
    error: row.error,
  }));
}

/** The newest epoch there is. @throws ERR_CRYPTO_INPUT when the tenant has no keys, or `throughEpoch` is none of its epochs */
export async function epochToRetire(tx: Tx, throughEpoch: number | null): Promise<number> {
  const { rows } = await tx.query<EpochRow>(readEpochLives, [tx.tenantId]);
  const newest = rows[0]?.epoch;
  if (newest === undefined)
    throw cryptoError('ERR_CRYPTO_INPUT', 'the tenant has no key epoch yet; nothing to retire');
  if (throughEpoch !== null && throughEpoch > newest)
    throw cryptoError(
      'ERR_CRYPTO_INPUT',
      `the newest epoch is ${newest}; there is no epoch ${throughEpoch} to retire`,
    );
  return throughEpoch ?? newest;
}

/** The executor of `crypto.retire`: lays the work down durably, then begins it; what is left, periodic work carries on. */
export async function retire(
  deps: RetireDeps,
  { tenantId, payload, approvedBy, proposalId }: Approved,
): Promise<{
  readonly throughEpoch: number;
  readonly state: 'running' | 'done';
  readonly error: string | null;
}> {
  const { throughEpoch } = retirePayload.parse(payload);
  await deps.database.withTenant(tenantId, async (tx) => {
    await tx.query(insertRetirement, [tenantId, proposalId, throughEpoch, approvedBy.id, deps.clock.now()]);
    await deps.audit().append(tx, {
      definition: retirementBegun,
      tenantId,
      outcome: 'success',
      actor: approvedBy,
      targets: [{ type: 'crypto.approval', id: proposalId }],
      detail: { approvalId: proposalId, throughEpoch },
    });
  });
  const { done, error } = await carryOn(deps, tenantId, { id: proposalId, throughEpoch }, approvedBy);
  return { throughEpoch, state: done ? 'done' : 'running', error };
}

/** Rewraps what is live, then asks the provider; every step may be repeated. */
export async function carryOn(
  deps: RetireDeps,
  tenantId: TenantId,
  { id, throughEpoch }: Pick<Retirement, 'id' | 'throughEpoch'>,
  actor: Actor,
): Promise<{ readonly done: boolean; readonly error: string | null }> {
  let error: string | null = null;
  try {
    if (await holdsLiveKeys(deps.database, tenantId, throughEpoch)) await deps.rotate(tenantId, { actor });
    const wanted = { throughEpoch, supersededBefore: null, actor, atOnce: false };
    ({ error } = await destroyEpochs(deps, tenantId, wanted));
  } catch (cause) {
    error = isGatehouseError(cause) ? cause.message : 'it failed for a reason that the log names';
    deps.logger.error('a retirement waits; it is carried on', { error: cause, tenantId, approvalId: id });
  }
  const note = error?.slice(0, 300) ?? null;
  const done = await deps.database.withTenant(tenantId, async (tx) => {
    const { rowCount } = await tx.query(finishRetirement, [tenantId, id, deps.clock.now()]);
    if (rowCount === 0) {
      await tx.query(noteRetirement, [tenantId, id, note]);
      return false;
    }
    await deps.audit().append(tx, {
      definition: retirementFinished,
      tenantId,
      outcome: 'success',
      actor,
      targets: [{ type: 'crypto.approval', id }],
      detail: { approvalId: id, throughEpoch },
    });
    return true;
  });
  return { done, error: done ? null : note };
}

/** Whether the active epoch, or one whose keys are still moving on, is among those to be retired. */
async function holdsLiveKeys(database: Database, tenantId: TenantId, throughEpoch: number): Promise<boolean> {
  const { rows } = await database.withTenant(tenantId, (tx) =>
    tx.query<EpochRow>(readEpochLives, [tenantId]),
  );
  return rows.some(
    ({ epoch, state }) => epoch <= throughEpoch && (state === 'active' || state === 'rewrapping'),
  );
}
