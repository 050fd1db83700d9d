import { statement } from '../../db/index.ts';

/** What the tenant chose for reads; none: closed. $1 tenant */
export const selectFailureChoice = statement(
  'audit.select_failure_choice',
  `select reads, changed_at as "changedAt", changed_by as "changedBy" from audit.failure_choice
   where tenant_id = $1 order by revision desc limit 1`,
);

/** $1 tenant $2 reads $3 by $4 at */
export const insertFailureChoice = statement(
  'audit.insert_failure_choice',
  `insert into audit.failure_choice (tenant_id, revision, reads, changed_by, changed_at)
   select $1::uuid, coalesce(max(revision), 0) + 1, $2::text, $3::uuid, $4::timestamptz from audit.failure_choice where tenant_id = $1`,
);
