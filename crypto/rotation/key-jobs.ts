import type { Tx } from '../../db/index.ts';
import type { TenantId } from '../../kernel/index.ts';
import { beginRewrap, beginRotation, carryOut, type RotateDeps } from '../rotate.ts';
import type { Actor } from '../types.ts';
import { beginDataKeyRotation, type DataKeyTarget } from './begin-data-key.ts';
import { beginIndexRotation } from './begin-index.ts';
import type { IndexTarget } from './blind-index-job.ts';
import { findJob, readJobs, type KeyJob } from './key-job.ts';

/** The long works on keys: begun here, carried on by any process, looked at by anybody who may. */
export type KeyJobs = {
  /** A new KEK epoch, and the job that wraps every data key under it. */
  readonly rotateTenantKey: (tenantId: TenantId, actor: Actor) => Promise<KeyJob>;
  /** The job that wraps every data key under the active epoch, without a new one. */
  readonly rewrap: (tenantId: TenantId, actor: Actor) => Promise<KeyJob>;
  /** New data keys, and the job that seals their values again. @throws ERR_CRYPTO_INPUT */
  readonly rotateDataKeys: (tenantId: TenantId, target: DataKeyTarget, actor: Actor) => Promise<KeyJob>;
  /** A new key for a blind index; it is searched and written meanwhile. @throws ERR_CRYPTO_INPUT */
  readonly rotateIndex: (tenantId: TenantId, target: IndexTarget, actor: Actor) => Promise<KeyJob>;
  readonly find: (tx: Tx, id: string) => Promise<KeyJob | null>;
  /** Newest first. @param page - `after` is the id of the last job seen */
  readonly list: (
    tx: Tx,
    page: { readonly after: string | null; readonly limit: number },
  ) => Promise<readonly KeyJob[]>;
  /** Carries a job on here, or waits for the process that does, until it ends. @throws what it failed with */
  readonly wait: (tenantId: TenantId, job: KeyJob, signal?: AbortSignal) => Promise<KeyJob>;
  /** Takes what nobody holds, for a while. @returns how many jobs were carried on */
  readonly tick: () => Promise<number>;
};

/** Joins them. */
export function createKeyJobs(deps: RotateDeps): KeyJobs {
  return Object.freeze({
    rotateTenantKey: async (tenantId: TenantId, actor: Actor) =>
      (await beginRotation(deps, tenantId, actor)).job,
    rewrap: (tenantId: TenantId, actor: Actor) => beginRewrap(deps, tenantId, actor),
    rotateDataKeys: (tenantId: TenantId, target: DataKeyTarget, actor: Actor) =>
      beginDataKeyRotation(deps, tenantId, target, actor),
    rotateIndex: (tenantId: TenantId, target: IndexTarget, actor: Actor) =>
      beginIndexRotation(deps, tenantId, target, actor),
    find: findJob,
    list: readJobs,
    wait: (tenantId: TenantId, job: KeyJob, signal?: AbortSignal) =>
      carryOut(deps, tenantId, job, signal === undefined ? {} : { signal }),
    tick: deps.works.tick,
  });
}
