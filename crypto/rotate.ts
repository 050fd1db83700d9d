import { setTimeout as pause } from 'node:timers/promises';
import type { Database, Tx } from '../db/index.ts';
import type { AuditSink, Logger, NewId, TenantId } from '../kernel/index.ts';
import { cryptoError } from './errors.ts';
import { rotationStarted } from './events.ts';
import type { Purge } from './purge.ts';
import type { ProviderRegistry } from './providers/provider-registry.ts';
import { beginJob, findJob, type KeyJob } from './rotation/key-job.ts';
import { countStale, isUnfinished } from './rotation/rewrap.ts';
import type { KeyWorks } from './rotation/works.ts';
import type { SealedTables } from './sealed-table.ts';
import { demoteTenantKey } from './store-rotation.ts';
import { insertTenantKey } from './store.ts';
import type { TenantKeys } from './tenant-keys.ts';
import type { Actor, RotationOptions, RotationProgress } from './types.ts';

/** What rotation needs. */
export type RotateDeps = {
  readonly database: Database;
  readonly providers: ProviderRegistry;
  readonly tenantKeys: TenantKeys;
  readonly purge: Purge;
  readonly audit: () => AuditSink<Tx>;
  readonly logger: Logger;
  readonly newId: NewId;
  readonly works: KeyWorks;
  readonly sealedTables: SealedTables;
};

const pollMilliseconds = 200;

/** New epoch, then data keys in batches; what was interrupted is carried on by the next call or by any process. */
export async function rotate(
  deps: RotateDeps,
  tenantId: TenantId,
  options: RotationOptions,
): Promise<RotationProgress> {
  const { job, resumed } = await beginRotation(deps, tenantId, options.actor);
  let rewrapped = 0;
  let epoch = 0;
  const progress = (of: KeyJob): RotationProgress => ({
    epoch,
    resumed,
    rewrapped,
    remaining: Math.max(0, of.total - of.done),
    keysPerSecond: of.rate,
  });
  epoch = 'epoch' in job.target ? job.target.epoch : 0;
  let seen = job.done;
  const ended = await carryOut(deps, tenantId, job, {
    ...options,
    onProgress: (of) => {
      rewrapped += of.done - seen;
      seen = of.done;
      options.onProgress?.(progress(of));
    },
  });
  return progress(ended);
}

/** A new epoch and its job, or the unfinished one; the keys themselves are wrapped by whoever carries the job on. */
export async function beginRotation(
  deps: RotateDeps,
  tenantId: TenantId,
  actor: Actor,
): Promise<{ readonly job: KeyJob; readonly resumed: boolean }> {
  const unfinished = await deps.database.withTenant(tenantId, isUnfinished);
  const resumed = unfinished || !(await beginEpoch(deps, tenantId, actor));
  return { job: await beginRewrap(deps, tenantId, actor), resumed };
}

/** The job that wraps every data key under the active epoch; also when nothing is left to wrap. */
export function beginRewrap(deps: RotateDeps, tenantId: TenantId, actor: Actor): Promise<KeyJob> {
  return deps.database.withTenant(tenantId, async (tx) => {
    const { epoch } = await deps.tenantKeys.active(tx);
    const total = await countStale(tx, deps);
    const id = deps.newId();
    const { job } = await beginJob(tx, {
      id,
      kind: 'rewrap',
      target: { epoch },
      phase: 'rewrap',
      total,
      actor,
    });
    return job;
  });
}

/** Carries a job on here, or waits for the process that does. @throws what the job failed with */
export async function carryOut(
  deps: Pick<RotateDeps, 'database' | 'works'>,
  tenantId: TenantId,
  job: KeyJob,
  options: Pick<RotationOptions, 'batchSize' | 'signal'> & { readonly onProgress?: (job: KeyJob) => void },
): Promise<KeyJob> {
  for (;;) {
    options.signal?.throwIfAborted();
    const ran = await deps.works.run(tenantId, job, options);
    const now = ran ?? (await deps.database.withTenant(tenantId, (tx) => findJob(tx, job.id)));
    if (now === null || now.state === 'failed')
      throw cryptoError('ERR_CRYPTO_KEY', now?.error ?? 'the job is gone; begin it again');
    if (now.state === 'done') return now;
    await pause(pollMilliseconds, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
}

/** Undoes what the slower of two rotations had begun. */
class SlowerRotation extends Error {}

/** The root is asked before BEGIN. @returns false when another rotation was quicker: its epoch is the one */
async function beginEpoch(deps: RotateDeps, tenantId: TenantId, actor: Actor): Promise<boolean> {
  try {
    await insertEpoch(deps, tenantId, actor);
    return true;
  } catch (error) {
    if (error instanceof SlowerRotation) return false;
    throw error;
  }
}

async function insertEpoch(deps: RotateDeps, tenantId: TenantId, actor: Actor): Promise<void> {
  const previous = await deps.database.withTenant(tenantId, (tx) => deps.tenantKeys.active(tx));
  const fresh = await deps.tenantKeys.generate(tenantId, previous.epoch + 1);
  await deps.database.withTenant(tenantId, async (tx) => {
    const { rows } = await tx.query<{ epoch: number }>(demoteTenantKey, [tenantId]);
    if (rows[0]?.epoch !== previous.epoch) throw new SlowerRotation();
    await tx.query(insertTenantKey, [tenantId, fresh.epoch, fresh.provider, fresh.wrapped, fresh.commitment]);
    await deps.purge.tenant(tx);
    const detail = { epoch: fresh.epoch, previousEpoch: previous.epoch };
    const target = { type: 'crypto.tenant_key', id: String(fresh.epoch) };
    await deps.audit().append(tx, {
      definition: rotationStarted,
      tenantId,
      outcome: 'success',
      actor,
      targets: [target],
      detail,
    });
  });
}
