import type { Database, Tx } from '../../db/index.ts';
import type { AuditSink, NewId, TenantId } from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';
import type { Actor } from '../types.ts';
import { countSelected } from './data-key-job.ts';
import { keyJobStarted } from './events.ts';
import { beginJob, type KeyJob } from './key-job.ts';

/** Whose data keys are replaced: one person's, one purpose's, or all that were made before a moment. */
export type DataKeyTarget =
  | { readonly subjectId: string }
  | { readonly purpose: string }
  /** RFC 3339 */
  | { readonly before: string };

/** Begins the job that replaces data keys and seals their values again. @throws ERR_CRYPTO_INPUT for a purpose whose output is compared */
export async function beginDataKeyRotation(
  deps: { readonly database: Database; readonly audit: () => AuditSink<Tx>; readonly newId: NewId },
  tenantId: TenantId,
  target: DataKeyTarget,
  actor: Actor,
): Promise<KeyJob> {
  if ('purpose' in target && (target.purpose === 'index' || target.purpose.startsWith('mac:')))
    throw cryptoError(
      'ERR_CRYPTO_INPUT',
      `what "${target.purpose}" makes is compared with what it made before, so its key is not replaced here; blind indexes have a rotation of their own`,
    );
  return deps.database.withTenant(tenantId, async (tx) => {
    const total = await countSelected(tx, target);
    const id = deps.newId();
    const { job, begun } = await beginJob(tx, { id, kind: 'data_key', target, phase: 'keys', total, actor });
    if (!begun) return job;
    const scope = 'subjectId' in target ? 'person' : 'purpose' in target ? 'purpose' : 'overdue';
    await deps.audit().append(tx, {
      definition: keyJobStarted,
      tenantId,
      outcome: 'success',
      actor,
      targets: [{ type: 'crypto.key_job', id }],
      detail: { kind: 'data_key', scope, things: total },
    });
    return job;
  });
}
