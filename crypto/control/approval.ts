/** Where a proposal stands. */
export type ApprovalState =
  'proposed' | 'executing' | 'executed' | 'failed' | 'interrupted' | 'refused' | 'expired';

/** A row of `crypto.approval`. */
export type ApprovalRow = {
  readonly id: string;
  readonly action: string;
  readonly payload: string;
  readonly reason: string;
  readonly digest: Buffer;
  readonly state: ApprovalState;
  readonly proposed_by: string;
  readonly proposed_at: Date;
  readonly expires_at: Date;
  readonly decided_by: string | null;
  readonly decided_at: Date | null;
  readonly finished_at: Date | null;
  readonly result: string | null;
  readonly note: string | null;
};

/** A proposal as people are shown it. */
export type Approval = {
  readonly id: string;
  readonly action: string;
  readonly payload: unknown;
  readonly reason: string;
  readonly digest: string;
  readonly state: ApprovalState;
  readonly proposedBy: string;
  readonly proposedAt: Date;
  readonly expiresAt: Date;
  readonly decidedBy: string | null;
  readonly decidedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly result: unknown;
  /** Why it was refused, or the code it failed with. */
  readonly note: string | null;
};

/** One that ran out counts as expired before anybody has said so. */
export function approvalOf(row: ApprovalRow, now: Date): Approval {
  return {
    id: row.id,
    action: row.action,
    payload: JSON.parse(row.payload) as unknown,
    reason: row.reason,
    digest: row.digest.toString('hex'),
    state: row.state === 'proposed' && row.expires_at <= now ? 'expired' : row.state,
    proposedBy: row.proposed_by,
    proposedAt: row.proposed_at,
    expiresAt: row.expires_at,
    decidedBy: row.decided_by,
    decidedAt: row.decided_at,
    finishedAt: row.finished_at,
    result: row.result === null ? null : (JSON.parse(row.result) as unknown),
    note: row.note,
  };
}
