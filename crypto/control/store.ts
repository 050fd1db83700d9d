import { statement } from '../../db/index.ts';

const columns = `id, action, payload, reason, digest, state, proposed_by, proposed_at, expires_at, decided_by, decided_at, finished_at, result, note`;

/** $1 tenant, $2 id, $3 action, $4 payload, $5 reason, $6 digest, $7 proposed by, $8 now, $9 expires at */
export const insertApproval = statement(
  'crypto.insert_approval',
  `insert into crypto.approval (tenant_id, id, action, payload, reason, digest, proposed_by, proposed_at, expires_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
);

/** $1 tenant, $2 id */
export const readApproval = statement(
  'crypto.read_approval',
  `select ${columns} from crypto.approval where tenant_id = $1 and id = $2`,
);

/** $1 tenant, $2 state or null, $3 last id seen or null, $4 limit, $5 now: newest first */
export const listApprovals = statement(
  'crypto.list_approvals',
  `select ${columns} from crypto.approval
   where tenant_id = $1
     and ($2::text is null or case when state = 'proposed' and expires_at <= $5 then 'expired' else state end = $2)
     and ($3::uuid is null or id < $3)
   order by id desc limit $4`,
);

/** $1 tenant, $2 id, $3 approver, $4 digest, $5 now, $6 lease until: of many who ask at once one gets the row */
export const claimApproval = statement(
  'crypto.claim_approval',
  `update crypto.approval set state = 'executing', decided_by = $3, decided_at = $5, lease_until = $6
   where tenant_id = $1 and id = $2 and state = 'proposed' and expires_at > $5 and proposed_by <> $3 and digest = $4
   returning ${columns}`,
);

/** $1 tenant, $2 id, $3 lease until */
export const renewApprovalLease = statement(
  'crypto.renew_approval_lease',
  `update crypto.approval set lease_until = $3 where tenant_id = $1 and id = $2 and state = 'executing'`,
);

/** $1 tenant, $2 id, $3 state, $4 result, $5 note, $6 now */
export const finishApproval = statement(
  'crypto.finish_approval',
  `update crypto.approval set state = $3, result = $4, note = $5, finished_at = $6
   where tenant_id = $1 and id = $2 and state in ('executing', 'interrupted')`,
);

/** $1 tenant, $2 id, $3 who, $4 now, $5 reason */
export const refuseApproval = statement(
  'crypto.refuse_approval',
  `update crypto.approval set state = 'refused', decided_by = $3, decided_at = $4, note = $5
   where tenant_id = $1 and id = $2 and state = 'proposed' and expires_at > $4 returning ${columns}`,
);

/** $1 tenant, $2 now: what ran out, and what a process that is gone has left half-way */
export const settleApprovals = statement(
  'crypto.settle_approvals',
  `update crypto.approval set state = case state when 'proposed' then 'expired' else 'interrupted' end, finished_at = $2
   where tenant_id = $1 and ((state = 'proposed' and expires_at <= $2) or (state = 'executing' and lease_until <= $2))
   returning ${columns}`,
);
