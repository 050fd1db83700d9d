import type { Tx } from '../../db/index.ts';
import { isGatehouseError, type Principal, type TenantId } from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';
import type { ApprovalRow } from './approval.ts';
import type { DualControlDeps } from './dual-control.ts';
import { approvalFinished } from './events.ts';
import { finishApproval, renewApprovalLease } from './store.ts';

const maxResultBytes = 65_536;

type Deps = DualControlDeps & { readonly leaseMilliseconds: number };
type End =
  | { readonly state: 'executed'; readonly value: unknown; readonly kept: string | null }
  | { readonly state: 'failed'; readonly error: unknown; readonly code: string };

/**
 * Runs the executor of a proposal that this process has claimed. The claim is committed, so nobody else ever runs it:
 * when this process ends before it says how it went, the proposal becomes `interrupted`, not open again.
 */
export async function carryOut(
  deps: Deps,
  row: ApprovalRow,
  approvedBy: Principal,
): Promise<{ readonly state: 'executed'; readonly result: unknown }> {
  const stopRenewing = renewLease(deps, approvedBy.tenantId, row.id);
  try {
    const outcome = await run(deps, row, approvedBy);
    await finish(deps, row, approvedBy, outcome);
    if (outcome.state === 'failed') throw outcome.error;
    return { state: 'executed', result: outcome.value };
  } finally {
    stopRenewing();
  }
}

/** @returns how it went; a failure of the executor is an outcome, too */
async function run(deps: Deps, row: ApprovalRow, approvedBy: Principal): Promise<End> {
  const { tenantId } = approvedBy;
  try {
    const executor = deps.executors()[row.action];
    if (executor === undefined)
      throw cryptoError('ERR_CRYPTO_INPUT', `nothing here carries out "${row.action}"; propose it again`);
    const payload = JSON.parse(row.payload) as unknown;
    const { proposed_by: proposedBy, id: proposalId } = row;
    const value = (await executor({ tenantId, payload, proposedBy, approvedBy, proposalId })) ?? null;
    const text = JSON.stringify(value);
    return { state: 'executed', value, kept: Buffer.byteLength(text) > maxResultBytes ? null : text };
  } catch (error) {
    const code = isGatehouseError(error) ? error.code : 'ERR_INTERNAL';
    deps.logger.error('an approved proposal failed', {
      error,
      tenantId,
      approvalId: row.id,
      action: row.action,
    });
    return { state: 'failed', error, code };
  }
}

function renewLease(deps: Deps, tenantId: TenantId, id: string): () => void {
  const renew = (): void =>
    void deps.database
      .withTenant(tenantId, (tx) =>
        tx.query(renewApprovalLease, [
          tenantId,
          id,
          new Date(deps.clock.now().getTime() + deps.leaseMilliseconds),
        ]),
      )
      .catch((error: unknown) =>
        deps.logger.warn('the lease of an approved proposal could not be renewed', { error, tenantId, id }),
      );
  const timer = setInterval(renew, deps.leaseMilliseconds / 4);
  timer.unref();
  return () => clearInterval(timer);
}

async function finish(deps: Deps, row: ApprovalRow, approver: Principal, end: End): Promise<void> {
  const { tenantId } = approver;
  const code = end.state === 'failed' ? end.code : null;
  await deps.database.withTenant(tenantId, async (tx: Tx) => {
    const now = deps.clock.now();
    const kept = end.state === 'executed' ? end.kept : null;
    const { rowCount } = await tx.query(finishApproval, [tenantId, row.id, end.state, kept, code, now]);
    if (rowCount === 0) return;
    await deps.audit().append(tx, {
      definition: approvalFinished,
      tenantId,
      outcome: end.state === 'executed' ? 'success' : 'failure',
      ...(code === null ? {} : { reason: code }),
      actor: approver,
      targets: [{ type: 'crypto.approval', id: row.id }],
      detail: {
        approvalId: row.id,
        action: row.action,
        digest: row.digest.toString('hex'),
        state: end.state,
        code,
      },
    });
  });
}
