import { setTimeout as pause } from 'node:timers/promises';
import type { Database, Tx } from '../../db/index.ts';
import { isGatehouseError, type Logger, type TenantId } from '../../kernel/index.ts';
import { advance, end, LeaseLost, toKeyJob, type KeyJob, type Part } from './key-job.ts';
import { claimJob, releaseJob } from './store.ts';

/** How the parts of one kind of job are done. */
export type JobWork = {
  /** One part, in a transaction of its own; its progress is written with it or not at all. */
  readonly part: (tx: Tx, job: KeyJob) => Promise<Part>;
  /** How many parts may run at once: one waits for the database while another computes. */
  readonly lanes: (job: KeyJob) => number;
  /** In the transaction that ends the job: its event. */
  readonly finish: (tx: Tx, job: KeyJob) => Promise<void>;
};

/** What running jobs needs. */
export type RunDeps = {
  readonly database: Database;
  readonly logger: Logger;
  /** How long a process may be silent before another carries its job on; seconds. */
  readonly leaseSeconds: number;
};

/** Limits and looks of one run. */
export type RunOptions = {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((job: KeyJob) => void) | undefined;
  /** After this the job is let go, for this or another process to take; default none. */
  readonly untilMilliseconds?: number;
};

/**
 * Carries a job on until it ends, the time is over, or another process has taken it.
 *
 * @returns the job as this process last saw it; null when it is not to be had now
 */
export async function runJob(
  deps: RunDeps,
  work: JobWork,
  tenantId: TenantId,
  id: string,
  options: RunOptions = {},
): Promise<KeyJob | null> {
  const claimed = await deps.database.withTenant(tenantId, async (tx) => {
    const { rows } = await tx.query<Parameters<typeof toKeyJob>[0]>(claimJob, [
      tenantId,
      id,
      deps.leaseSeconds,
    ]);
    return rows[0] === undefined ? null : toKeyJob(rows[0]);
  });
  if (claimed === null) return null;
  const run = new Run(deps, work, tenantId, claimed, options);
  try {
    await Promise.all(Array.from({ length: work.lanes(claimed) }, () => run.lane()));
    if (run.job.state === 'running') await run.release();
    return run.job;
  } catch (error) {
    await run.failed(error);
    throw error;
  }
}

/** One process's hold of one job; ends with it. */
class Run {
  job: KeyJob;
  readonly #deps: RunDeps;
  readonly #work: JobWork;
  readonly #tenantId: TenantId;
  readonly #options: RunOptions;
  readonly #startedAt = performance.now();
  #done = 0;
  #stopped = false;

  constructor(deps: RunDeps, work: JobWork, tenantId: TenantId, job: KeyJob, options: RunOptions) {
    this.#deps = deps;
    this.#work = work;
    this.#tenantId = tenantId;
    this.#options = options;
    this.job = job;
  }

  async lane(): Promise<void> {
    try {
      while (!this.#stopped && !this.#isTimeOver()) {
        this.#options.signal?.throwIfAborted();
        const { part, job } = await this.#one();
        if (job.state !== 'running') this.#stopped = true;
        if (part.done > 0) this.#options.onProgress?.(job);
        if (part.waitMilliseconds !== undefined) await pause(part.waitMilliseconds);
      }
    } catch (error) {
      const wasStopped = this.#stopped;
      this.#stopped = true;
      // Another lane may have ended the job while this one looked for more.
      if (!(error instanceof LeaseLost)) throw error;
      if (!wasStopped)
        this.#deps.logger.info('a job on keys is carried on by another process', { id: this.job.id });
    }
  }

  #isTimeOver(): boolean {
    const { untilMilliseconds } = this.#options;
    return untilMilliseconds !== undefined && performance.now() - this.#startedAt > untilMilliseconds;
  }

  async #one(): Promise<{ readonly part: Part; readonly job: KeyJob }> {
    const { database, leaseSeconds } = this.#deps;
    const result = await database.withTenant(this.#tenantId, async (tx) => {
      const part = await this.#work.part(tx, this.job);
      const seconds = Math.max(0.001, (performance.now() - this.#startedAt) / 1_000);
      const rate = Math.round((this.#done + part.done) / seconds);
      const job = await advance(tx, this.job, part, { leaseSeconds, rate });
      if (part.finished !== true) return { part, job };
      await this.#work.finish(tx, job);
      return { part, job: await end(tx, job, 'done', null) };
    });
    this.#done += result.part.done;
    this.job = result.job;
    return result;
  }

  release(): Promise<unknown> {
    return this.#deps.database.withTenant(this.#tenantId, (tx) =>
      tx.query(releaseJob, [this.#tenantId, this.job.id, this.job.fence]),
    );
  }

  /** What will fail again ends the job; what may pass is left for the next process. */
  async failed(error: unknown): Promise<void> {
    const { database, logger } = this.#deps;
    const final =
      isGatehouseError(error) && error.code.startsWith('ERR_CRYPTO_') && error.code !== 'ERR_CRYPTO_ROOT';
    const why = isGatehouseError(error) ? error.message.slice(0, 1_000) : 'it failed; the log says why';
    if (this.#options.signal?.aborted !== true)
      logger.error('a job on keys stopped', { id: this.job.id, tenantId: this.#tenantId, error });
    try {
      if (final) await database.withTenant(this.#tenantId, (tx) => end(tx, this.job, 'failed', why));
      else await this.release();
    } catch (cause) {
      logger.warn('the job could not be let go; its lease runs out by itself', {
        id: this.job.id,
        error: cause,
      });
    }
  }
}
