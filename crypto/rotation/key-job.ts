import type { Tx } from '../../db/index.ts';
import { conflict } from './errors.ts';
import type { Actor } from '../types.ts';
import { advanceJob, endJob, insertJob, listJobs, readJob, readRunningJob } from './store.ts';

/** What a job does to keys. */
export type KeyJobKind = 'rewrap' | 'data_key' | 'blind_index';

/** What a job works on. */
export type KeyJobTarget =
  | { readonly epoch: number }
  | { readonly subjectId: string }
  | { readonly purpose: string }
  | { readonly before: string }
  | { readonly collection: string; readonly field: string; readonly index: string };

/** A long work on keys, as the table holds it. */
export type KeyJob = {
  readonly id: string;
  readonly kind: KeyJobKind;
  readonly target: KeyJobTarget;
  readonly state: 'running' | 'done' | 'failed';
  readonly phase: string;
  /** Where the next part begins; its form is the kind's own. */
  readonly position: unknown;
  /** Things of the phase that are to be done, as counted when it began. */
  readonly total: number;
  readonly done: number;
  /** Things per second over the last part. */
  readonly rate: number;
  readonly startedAt: Date;
  readonly phaseSince: Date;
  readonly heartbeatAt: Date;
  readonly finishedAt: Date | null;
  readonly error: string | null;
  /** Who asked for it; the name stands in the trail. */
  readonly actor: { readonly kind: string; readonly id: string };
  readonly fence: number;
};

/** What one part of a job did. */
export type Part = {
  readonly phase: string;
  readonly position: unknown;
  /** Things done in this part. */
  readonly done: number;
  /** A new total, when a phase begins. */
  readonly total?: number;
  readonly finished?: boolean;
  /** Nothing could be done yet: look again after this many milliseconds. */
  readonly waitMilliseconds?: number;
};

/** What a job is begun with. */
export type NewJob = {
  readonly id: string;
  readonly kind: KeyJobKind;
  readonly target: KeyJobTarget;
  readonly phase: string;
  readonly total: number;
  readonly actor: Actor;
};

type Row = {
  readonly id: string;
  readonly kind: KeyJobKind;
  readonly target: KeyJobTarget;
  readonly state: KeyJob['state'];
  readonly phase: string;
  readonly position: unknown;
  readonly total: number;
  readonly done: number;
  readonly rate: number;
  readonly started_at: Date;
  readonly phase_since: Date;
  readonly heartbeat_at: Date;
  readonly finished_at: Date | null;
  readonly error: string | null;
  readonly actor: KeyJob['actor'];
  readonly fence: number;
};

/** A row of `crypto.key_job`. */
export function toKeyJob(row: Row): KeyJob {
  const { started_at, phase_since, heartbeat_at, finished_at, ...same } = row;
  return Object.freeze({
    ...same,
    startedAt: started_at,
    phaseSince: phase_since,
    heartbeatAt: heartbeat_at,
    finishedAt: finished_at,
  });
}

/** Begins a job; when the same work is under way already, that one is given. */
export async function beginJob(
  tx: Tx,
  job: NewJob,
): Promise<{ readonly job: KeyJob; readonly begun: boolean }> {
  const { kind, id } = job.actor;
  const actor = JSON.stringify({ kind, id });
  const target = JSON.stringify(job.target);
  const { rows } = await tx.query<Row>(insertJob, [
    tx.tenantId,
    job.id,
    job.kind,
    target,
    job.phase,
    job.total,
    actor,
  ]);
  if (rows[0] !== undefined) return { job: toKeyJob(rows[0]), begun: true };
  const running = await tx.query<Row>(readRunningJob, [tx.tenantId, job.kind, target]);
  if (running.rows[0] === undefined)
    throw conflict('the same work on keys ended at this moment; look at it, or begin again');
  return { job: toKeyJob(running.rows[0]), begun: false };
}

/** One job, or null. */
export async function findJob(tx: Tx, id: string): Promise<KeyJob | null> {
  const { rows } = await tx.query<Row>(readJob, [tx.tenantId, id]);
  return rows[0] === undefined ? null : toKeyJob(rows[0]);
}

/** Newest first. @param page - `after` is the id of the last job seen; limit 1..1,000 */
export async function readJobs(
  tx: Tx,
  page: { readonly after: string | null; readonly limit: number },
): Promise<readonly KeyJob[]> {
  const { rows } = await tx.query<Row>(listJobs, [tx.tenantId, page.after, page.limit]);
  return rows.map(toKeyJob);
}

/** Thrown inside a part whose process lost the lease: everything it did is rolled back. */
export class LeaseLost extends Error {}

/** Writes how far a job is, in the transaction of the part. @throws LeaseLost when another process has it now */
export async function advance(
  tx: Tx,
  job: KeyJob,
  part: Part,
  by: { readonly leaseSeconds: number; readonly rate: number },
): Promise<KeyJob> {
  const values = [
    tx.tenantId,
    job.id,
    job.fence,
    by.leaseSeconds,
    part.phase,
    part.position === null ? null : JSON.stringify(part.position),
    part.done,
    by.rate,
    part.total ?? null,
  ];
  const { rows } = await tx.query<Row>(advanceJob, values);
  if (rows[0] === undefined) throw new LeaseLost('another process carries this job on');
  return toKeyJob(rows[0]);
}

/** Ends a job. @throws LeaseLost */
export async function end(
  tx: Tx,
  job: KeyJob,
  state: 'done' | 'failed',
  error: string | null,
): Promise<KeyJob> {
  const { rows } = await tx.query<Row>(endJob, [tx.tenantId, job.id, job.fence, state, error]);
  if (rows[0] === undefined) throw new LeaseLost('another process carries this job on');
  return toKeyJob(rows[0]);
}
