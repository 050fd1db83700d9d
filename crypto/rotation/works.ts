import type { Database, Tx } from '../../db/index.ts';
import { parseTenantId, type AuditSink, type Logger, type TenantId } from '../../kernel/index.ts';
import { rotationFinished } from '../events.ts';
import { blindIndexPart, type BlindIndexJobDeps } from './blind-index-job.ts';
import { dataKeyPart, type DataKeyJobDeps } from './data-key-job.ts';
import { keyJobFinished } from './events.ts';
import { findJob, type KeyJob, type KeyJobKind } from './key-job.ts';
import { rewrapPart, type RewrapDeps } from './rewrap.ts';
import { runJob, type JobWork, type RunOptions } from './run-job.ts';
import { readDueJobs, selectJobTenants } from './store.ts';

/** The long works on keys, carried on by whoever looks. */
export type KeyWorks = {
  /** Carries one job on; null when another process has it. */
  readonly run: (tenantId: TenantId, job: KeyJob, options?: RunJobOptions) => Promise<KeyJob | null>;
  /** One round over all tenants: takes what nobody holds. @returns how many jobs were carried on */
  readonly tick: () => Promise<number>;
};

/** Choices of one run. */
export type RunJobOptions = RunOptions & {
  /** Data keys per transaction, 1..10,000. */
  readonly batchSize?: number | undefined;
};

/** What the works need. */
export type KeyWorksDeps = RewrapDeps &
  DataKeyJobDeps &
  BlindIndexJobDeps & {
    readonly database: Database;
    readonly logger: Logger;
    readonly audit: () => AuditSink<Tx>;
    readonly leaseSeconds: number;
    /** Asks the root before BEGIN. */
    readonly warm: (tenantId: TenantId) => Promise<void>;
  };

/** Who ends a job: the person who asked for it stands in the event of its beginning. */
const worker = Object.freeze({ kind: 'system', id: 'key-work', displayName: 'work on keys' } as const);
const defaultBatchSize = 5_000;
const maxBatchSize = 10_000;
/** Two parts at once pay only when there is much to do. */
const batchesWorthTwoLanes = 4;
/** A round gives every tenant's jobs this long before the next one's turn. */
const turnMilliseconds = 2_000;
const jobsPerRound = 10;

/** Makes the works. */
export function createKeyWorks(deps: KeyWorksDeps): KeyWorks {
  const run = (tenantId: TenantId, job: KeyJob, options: RunJobOptions = {}): Promise<KeyJob | null> =>
    runJob(deps, workOf(deps, job.kind, options.batchSize), tenantId, job.id, options);
  const tickTenant = async (tenantId: TenantId): Promise<number> => {
    const due = await deps.database.withTenant(
      tenantId,
      async (tx) => (await tx.query<{ id: string }>(readDueJobs, [tenantId, jobsPerRound])).rows,
      { readOnly: true },
    );
    let done = 0;
    for (const { id } of due) {
      const job = await deps.database.withTenant(tenantId, (tx) => findJob(tx, id), { readOnly: true });
      if (job === null) continue;
      try {
        await deps.warm(tenantId);
        if ((await run(tenantId, job, { untilMilliseconds: turnMilliseconds })) !== null) done += 1;
      } catch (error) {
        deps.logger.error('a job on keys failed; the next round tries again', { tenantId, id, error });
      }
    }
    return done;
  };
  return Object.freeze({
    run,
    tick: async () => {
      let done = 0;
      for (const tenantId of await tenantsOf(deps.database)) done += await tickTenant(tenantId);
      return done;
    },
  });
}

async function tenantsOf(database: Database): Promise<readonly TenantId[]> {
  const all: TenantId[] = [];
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const { rows } = await database.withSystem((tx) => tx.query<{ id: string }>(selectJobTenants, [after]), {
      readOnly: true,
    });
    all.push(...rows.map(({ id }) => parseTenantId(id)));
    const last = rows.at(-1);
    if (last === undefined || rows.length < 1_000) return all;
    after = last.id;
  }
}

function workOf(deps: KeyWorksDeps, kind: KeyJobKind, batchSize: number | undefined): JobWork {
  const limit = Math.min(maxBatchSize, Math.max(1, Math.trunc(batchSize ?? defaultBatchSize)));
  const alone = (): number => 1;
  switch (kind) {
    case 'rewrap':
      return {
        part: (tx) => rewrapPart(tx, deps, limit),
        lanes: ({ total }) => (total > batchesWorthTwoLanes * limit ? 2 : 1),
        finish: (tx, job) => appendRotationFinished(tx, deps, job),
      };
    case 'data_key':
      return {
        part: (tx, job) => dataKeyPart(tx, deps, job),
        lanes: alone,
        finish: (tx, job) => appendFinished(tx, deps, job),
      };
    case 'blind_index':
      return {
        part: (tx, job) => blindIndexPart(tx, deps, job),
        lanes: alone,
        finish: (tx, job) => appendFinished(tx, deps, job),
      };
  }
}

async function appendRotationFinished(tx: Tx, deps: KeyWorksDeps, job: KeyJob): Promise<void> {
  const epoch = 'epoch' in job.target ? job.target.epoch : 0;
  await deps.audit().append(tx, {
    definition: rotationFinished,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: worker,
    targets: [{ type: 'crypto.tenant_key', id: String(epoch) }],
    detail: { epoch, rewrapped: job.done },
  });
}

async function appendFinished(tx: Tx, deps: KeyWorksDeps, job: KeyJob): Promise<void> {
  await deps.audit().append(tx, {
    definition: keyJobFinished,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: worker,
    targets: [{ type: 'crypto.key_job', id: job.id }],
    detail: { kind: job.kind, done: job.done },
  });
}
