import { timingSafeEqual } from 'node:crypto';
import type { Principal } from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';
import { approvalOf, type ApprovalRow } from './approval.ts';
import type { DualControlDeps } from './dual-control.ts';

/** Why an approval is not accepted: the error for the caller, the short cause for the trail. */
export type Denial = { readonly error: Error; readonly cause: string };

/** The reasons against an approval, in the order a person should learn of them; null when there is none. */
export async function whyNot(
  deps: Pick<DualControlDeps, 'mayApprove'>,
  row: ApprovalRow,
  by: { readonly approver: Principal; readonly digest: Buffer; readonly now: Date },
): Promise<Denial | null> {
  const { approver, digest, now } = by;
  if (approver.kind !== 'user') return second('machine', 'a person approves this, not a service account');
  if (row.proposed_by === approver.id)
    return second('same_person', 'a second person approves this, not the one who proposed it');
  if (deps.mayApprove !== undefined && !(await deps.mayApprove(approver, row.action)))
    return second('no_right', `approving this needs the right "${row.action.split('.')[0] ?? ''}.approve"`);
  const { state } = approvalOf(row, now);
  if (state !== 'proposed')
    return {
      cause: state,
      error: cryptoError('ERR_CRYPTO_APPROVAL', `the proposal is ${state}; only an open one can be approved`),
    };
  if (!timingSafeEqual(digest, row.digest))
    return {
      cause: 'digest',
      error: cryptoError(
        'ERR_CRYPTO_APPROVAL',
        'the digest is not that of this proposal; read the proposal again and approve what you are shown',
      ),
    };
  return null;
}

const second = (cause: string, message: string): Denial => ({
  cause,
  error: cryptoError('ERR_CRYPTO_SECOND_PERSON', message),
});
