import type { Database, Tx } from '../../db/index.ts';
import type { AuditSink, NewId, TenantId } from '../../kernel/index.ts';
import type { SealedTables } from '../sealed-table.ts';
import type { Actor } from '../types.ts';
import { findTarget, type IndexTarget } from './blind-index-job.ts';
import { keyJobStarted } from './events.ts';
import { beginJob, type KeyJob } from './key-job.ts';

/** Begins the job that gives a blind index a new key. @throws ERR_CRYPTO_INPUT when the data map has no such index */
export function beginIndexRotation(
  deps: {
    readonly database: Database;
    readonly audit: () => AuditSink<Tx>;
    readonly newId: NewId;
    readonly sealedTables: SealedTables;
  },
  tenantId: TenantId,
  target: IndexTarget,
  actor: Actor,
): Promise<KeyJob> {
  return deps.database.withTenant(tenantId, async (tx) => {
    await findTarget(tx, { tables: deps.sealedTables }, target);
    const id = deps.newId();
    const start = { id, kind: 'blind_index', target, phase: 'announce', total: 0, actor } as const;
    const { job, begun } = await beginJob(tx, start);
    if (!begun) return job;
    await deps.audit().append(tx, {
      definition: keyJobStarted,
      tenantId,
      outcome: 'success',
      actor,
      targets: [
        { type: 'crypto.key_job', id },
        { type: 'crypto.index', id: `${target.collection}.${target.field}.${target.index}` },
      ],
      detail: { kind: 'blind_index', scope: 'index', things: 0 },
    });
    return job;
  });
}
