import { statement } from '../../db/index.ts';

/** The policy in force. $1 tenant */
export const selectRetention = statement(
  'audit.select_retention',
  `select revision, days, text, proposed_by as "proposedBy", approved_by as "approvedBy", created_at as "createdAt"
   from audit.retention_policy where tenant_id = $1 order by revision desc limit 1`,
);

/** The next revision of the policy. */
export const insertRetention = statement(
  'audit.insert_retention',
  `insert into audit.retention_policy (tenant_id, revision, days, text, approval_id, proposed_by, approved_by, created_at)
   select $1::uuid, coalesce(max(revision), 0) + 1, $2::jsonb, $3::text, $4::uuid, $5::uuid, $6::uuid, $7::timestamptz
   from audit.retention_policy where tenant_id = $1 returning revision`,
);

/** Entries below this were given up; the public log denies their bundles. $1 tenant */
export const selectMinimumIndex = statement(
  'audit.select_minimum_index',
  `select coalesce(max(floor), 0) as floor from audit.prune_run where tenant_id = $1`,
);

/** The first entry that is there from a number on. $1 tenant $2 from */
export const selectFirstFrom = statement(
  'audit.select_first_from',
  `select seq, received_at as "receivedAt" from audit.entry where tenant_id = $1 and seq >= $2 order by seq limit 1`,
);

/** The newest runs. $1 tenant $2 limit */
export const selectPruneRuns = statement(
  'audit.select_prune_runs',
  `select r.id, r.floor, r.policy_revision as "policyRevision", r.approval_id as "approvalId", r.begun_at as "begunAt",
     p.finished_at as "finishedAt", p.removed, p.kept
   from audit.prune_run r join audit.prune_progress p on p.tenant_id = r.tenant_id and p.run_id = r.id
   where r.tenant_id = $1 order by r.begun_at desc, r.id desc limit $2`,
);

/** Begins a run with its progress. */
export const insertPruneRun = statement(
  'audit.insert_prune_run',
  `with run as (
     insert into audit.prune_run (tenant_id, id, policy_revision, floor, approval_id, begun_at, groups_before)
     values ($1, $2, $3, $4, $5, $6, $7) returning tenant_id, id)
   insert into audit.prune_progress (tenant_id, run_id) select tenant_id, id from run`,
);

/** An unfinished run, for this transaction alone. $1 tenant */
export const takePruneRun = statement(
  'audit.take_prune_run',
  `select p.run_id as "runId", p.next_seq as "nextSeq", r.floor, r.policy_revision as "policyRevision"
   from audit.prune_progress p join audit.prune_run r on r.tenant_id = p.tenant_id and r.id = p.run_id
   where p.tenant_id = $1 and p.finished_at is null order by r.begun_at limit 1 for update of p skip locked`,
);

/** How far a batch reaches: the last of so many entries. $1 tenant $2 from $3 floor $4 entries */
export const selectBatchEnds = statement(
  'audit.select_batch_ends',
  `select min(seq) as first, max(seq) as last from
     (select seq from audit.entry where tenant_id = $1 and seq >= $2 and seq < $3 order by seq limit $4) e`,
);

/** Removes what goes. $1 run $2 from $3 to */
export const pruneBatch = statement(
  'audit.prune_batch',
  `select removed, kept, digest from audit.prune_batch($1, $2, $3)`,
);

/** Groups and details that nothing names any more. $1 run $2 most */
export const pruneUnreferenced = statement(
  'audit.prune_unreferenced',
  `select audit.prune_unreferenced($1, $2) as count`,
);

/** $1 tenant $2 from $3 to */
export const deletePrunedTerms = statement(
  'audit.delete_pruned_terms',
  `delete from audit.search_entry s where s.tenant_id = $1 and s.seq >= $2 and s.seq < $3
     and not exists (select from audit.entry e where e.tenant_id = $1 and e.seq = s.seq)`,
);

/** $1 tenant $2 run $3 next $4 removed $5 kept $6 finished at */
export const movePruneRun = statement(
  'audit.move_prune_run',
  `update audit.prune_progress set next_seq = $3, removed = removed + $4, kept = kept + $5, finished_at = $6
   where tenant_id = $1 and run_id = $2`,
);

/** Receivers that did not get everything below the floor yet. $1 tenant $2 floor */
export const countSinksBehind = statement(
  'audit.count_sinks_behind',
  `select count(*)::integer as count from audit.sink where tenant_id = $1 and cursor < $2`,
);

/** Whether some run removed an entry, and when. $1 tenant $2 tile $3 bit */
export const selectPrunedEntry = statement(
  'audit.select_pruned_entry',
  `select r.begun_at as "begunAt", r.policy_revision as "policyRevision" from audit.pruned_tile t
   join audit.prune_run r on r.tenant_id = t.tenant_id and r.id = t.run_id
   where t.tenant_id = $1 and t.tile = $2 and get_bit(t.removed, $3::bigint) = 1 limit 1`,
);

/** What was removed from a tile, run by run. $1 tenant $2 tile */
export const selectPrunedTile = statement(
  'audit.select_pruned_tile',
  `select removed from audit.pruned_tile where tenant_id = $1 and tile = $2`,
);

/** What one batch noted. $1 tenant $2 run $3 first tile $4 tile after the last */
export const selectPrunedBatch = statement(
  'audit.select_pruned_batch',
  `select count(*)::integer as tiles, sha256(coalesce(string_agg(int8send(tile) || removed, ''::bytea order by tile), ''::bytea)) as digest
   from audit.pruned_tile where tenant_id = $1 and run_id = $2 and tile >= $3 and tile < $4`,
);

/** $1 tenant */
export const countPrunedTiles = statement(
  'audit.count_pruned_tiles',
  `select count(*)::integer as count from audit.pruned_tile where tenant_id = $1`,
);

/** Batches whose events are on their way into the log. $1 tenant */
export const selectPendingPruned = statement(
  'audit.select_pending_pruned',
  `select body from audit.pending where tenant_id = $1 and action = 'audit.entries_pruned'`,
);
