import { z } from 'zod';
import type { Tx } from '../../db/index.ts';
import type { AuditSink } from '../../kernel/index.ts';
import type { Actor } from '../types.ts';
import { scheduleChanged } from './events.ts';
import { adoptSchedule, readSchedule, writeSchedule } from './store-epochs.ts';

/** When epochs are left and destroyed by themselves. */
export type StandingSchedule = {
  /** Age in days at which the active epoch is left; null: by hand only. */
  readonly rotateEveryDays: number | null;
  /** Days after which an epoch that wraps nothing is destroyed; null: by hand only. Not below the life of backups that must restore. */
  readonly retireAfterDays: number | null;
};

/** Where nothing was laid down: a new epoch every year, and nothing destroyed without two people. */
export const defaultSchedule: StandingSchedule = Object.freeze({
  rotateEveryDays: 365,
  retireAfterDays: null,
});

/** What two people agree to. */
export const scheduleSchema = z.strictObject({
  rotateEveryDays: z.int().min(1).max(3_650).nullable(),
  retireAfterDays: z.int().min(0).max(3_650).nullable(),
});

type Row = { readonly rotate_every_days: number | null; readonly retire_after_days: number | null };

/** The schedule in force. */
export async function scheduleOf(tx: Tx): Promise<StandingSchedule> {
  const { rows } = await tx.query<Row>(readSchedule, [tx.tenantId]);
  const [row] = rows;
  if (row === undefined) return defaultSchedule;
  return { rotateEveryDays: row.rotate_every_days, retireAfterDays: row.retire_after_days };
}

type Change = {
  readonly schedule: StandingSchedule;
  /** Null lays down the first one of a new tenant and leaves one that is there. */
  readonly approvalId: string | null;
  readonly actor: Actor;
  readonly now: Date;
};

/** Puts a schedule into force. @returns false when the tenant had one and nobody approved another */
export async function putSchedule(tx: Tx, audit: AuditSink<Tx>, change: Change): Promise<boolean> {
  const { schedule, approvalId, actor, now } = change;
  const { rotateEveryDays, retireAfterDays } = schedule;
  const { rowCount } =
    approvalId === null
      ? await tx.query(adoptSchedule, [tx.tenantId, rotateEveryDays, retireAfterDays, now])
      : await tx.query(writeSchedule, [tx.tenantId, rotateEveryDays, retireAfterDays, approvalId, now]);
  if (rowCount === 0) return false;
  await audit.append(tx, {
    definition: scheduleChanged,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor,
    targets: [{ type: 'crypto.life_schedule', id: tx.tenantId }],
    detail: { rotateEveryDays, retireAfterDays, approvalId },
  });
  return true;
}
