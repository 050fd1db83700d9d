import { statement } from '../db/index.ts';
import { requestColumns } from './store.ts';

/** Takes a request for a while; no row when another worker has it. $1 id $2 now $3 lease until */
export const takeLease = statement(
  'dsr.take_lease',
  `update dsr.request set fence = fence + 1, lease_until = $3
   where id = (select id from dsr.request where id = $1 and (lease_until is null or lease_until <= $2) for update skip locked)
   returning ${requestColumns}`,
);

/** $1 id $2 fence */
export const releaseLease = statement(
  'dsr.release_lease',
  `update dsr.request set lease_until = null where id = $1 and fence = $2`,
);

/** Requests with something to do for the engine. $1 now $2 limit */
export const selectDueRequests = statement(
  'dsr.select_due_requests',
  `select r.id from dsr.request r
   where (r.lease_until is null or r.lease_until <= $1) and (r.next_attempt_at is null or r.next_attempt_at <= $1)
     and (r.state in ('approved', 'executing', 'verifying_absence') or r.full_scan = 'deferred'
       or (r.state = 'completed' and r.type = 'erasure' and not exists (
         select 1 from dsr.certificate c where c.tenant_id = r.tenant_id and c.request_id = r.id and c.version = r.version)))
   order by r.due_at, r.id limit $2`,
);

/** A new execution: what the scan looks for is kept from the first one. $1 id $2 sealed search terms or null */
export const updateBegin = statement(
  'dsr.update_begin',
  `update dsr.request set search_sealed = coalesce(search_sealed, $2), attempts = 0, next_attempt_at = null where id = $1`,
);

/** $1 id $2 attempts $3 next attempt */
export const updateAttempts = statement(
  'dsr.update_attempts',
  `update dsr.request set attempts = $2, next_attempt_at = $3 where id = $1`,
);

/** $1 id $2 none | deferred | done */
export const updateFullScan = statement(
  'dsr.update_full_scan',
  `update dsr.request set full_scan = $2 where id = $1`,
);

/** $1 id $2 receipts root $3 none | deferred | done */
export const updateCompletion = statement(
  'dsr.update_completion',
  `update dsr.request set receipts_root = $2, full_scan = $3 where id = $1`,
);

/** Makes and starts the tasks of a plan. $1 request $2 systems $3 action $4 plan hash $5 fence $6 now */
export const beginTasks = statement(
  'dsr.begin_tasks',
  `insert into dsr.task as t (tenant_id, request_id, system, action, plan_hash, state, attempts, fence, started_at)
   select (select db.current_tenant()), $1, system, $3, $4, 'running', 1, $5, $6 from unnest($2::text[]) as system
   on conflict (tenant_id, request_id, system, action, plan_hash) do update
     set state = 'running', attempts = t.attempts + 1, fence = $5, started_at = coalesce(t.started_at, $6), error = null
     where t.state <> 'done'`,
);

/** $1 request $2 plan hash $3 fence $4 now */
export const startTasks = statement(
  'dsr.start_tasks',
  `update dsr.task set state = 'running', attempts = attempts + 1, fence = $3, started_at = coalesce(started_at, $4), error = null
   where request_id = $1 and plan_hash = $2 and state <> 'done' returning system`,
);

/** $1 request $2 systems $3 plan hash $4 fence $5 counts $6 receipts $7 now; the fence must still be ours */
export const finishTasks = statement(
  'dsr.finish_tasks',
  `update dsr.task t set state = 'done', counts = done.counts::jsonb, receipt = done.receipt, ended_at = $7
   from unnest($2::text[], $5::text[], $6::text[]) as done (system, counts, receipt)
   where t.request_id = $1 and t.system = done.system and t.plan_hash = $3 and t.fence = $4 and t.state = 'running'`,
);

/** $1 request $2 plan hash $3 fence $4 error $5 now */
export const failTasks = statement(
  'dsr.fail_tasks',
  `update dsr.task set state = 'failed', error = $4, ended_at = $5
   where request_id = $1 and plan_hash = $2 and fence = $3 and state = 'running'`,
);

/** Back to the start for another pass. $1 request $2 plan hash */
export const resetTasks = statement(
  'dsr.reset_tasks',
  `update dsr.task set state = 'pending', ended_at = null where request_id = $1 and plan_hash = $2`,
);

/** Tasks of a request. */
export const selectTasks = statement(
  'dsr.select_tasks',
  `select system, action, plan_hash, state, attempts, counts, receipt, error, started_at, ended_at
   from dsr.task where request_id = $1 order by system, action, plan_hash limit 1000`,
);

/** $1 request $2 scope $3 plan hash $4 at $5 result $6 clean */
export const insertAbsence = statement(
  'dsr.insert_absence',
  `insert into dsr.absence (tenant_id, request_id, run, scope, plan_hash, at, result, clean)
   select (select db.current_tenant()), $1, coalesce(max(run), 0) + 1, $2, $3, $4, $5, $6 from dsr.absence where request_id = $1`,
);

/** Newest scan first. */
export const selectAbsence = statement(
  'dsr.select_absence',
  `select run, scope, plan_hash, at, result, clean from dsr.absence where request_id = $1 order by run desc limit 20`,
);

/** $1 id $2 request $3 template $4 language $5 sealed $6 now */
export const insertMessage = statement(
  'dsr.insert_message',
  `insert into dsr.message (tenant_id, id, request_id, template, language, sealed, next_attempt_at, created_at)
   values ((select db.current_tenant()), $1, $2, $3, $4, $5, $6, $6)`,
);

/** Takes due messages; they come back after $2 when the sender dies. $1 now $2 next attempt $3 limit */
export const takeMessages = statement(
  'dsr.take_messages',
  `update dsr.message m set attempts = m.attempts + 1, next_attempt_at = $2
   where m.state = 'pending' and m.id in (
     select id from dsr.message where state = 'pending' and next_attempt_at <= $1
     order by next_attempt_at, id limit $3 for update skip locked)
   returning id, request_id, template, language, sealed, attempts`,
);

/** $1 id $2 now */
export const markMessageSent = statement(
  'dsr.mark_message_sent',
  `update dsr.message set state = 'sent', sent_at = $2, sealed = null, error = null where id = $1 and state = 'pending'`,
);

/** $1 id $2 error $3 final */
export const markMessageFailed = statement(
  'dsr.mark_message_failed',
  `update dsr.message set error = $2, state = case when $3::boolean then 'failed' else state end,
     sealed = case when $3::boolean then null else sealed end
   where id = $1 and state = 'pending'`,
);

/** Unproved requests that are too old. $1 law $2 received before $3 limit */
export const selectExpired = statement(
  'dsr.select_expired',
  `select id from dsr.request where state in ('received', 'verifying') and law = $1 and received_at < $2 order by received_at limit $3`,
);

/** Closed requests whose personal data is not needed any more. $1 now $2 limit */
export const selectForgettable = statement(
  'dsr.select_forgettable',
  `select r.id from dsr.request r
   where r.closed_at is not null and r.forgotten_at is null and r.full_scan <> 'deferred'
     and (r.lease_until is null or r.lease_until <= $1)
     and not exists (select 1 from dsr.message m where m.tenant_id = r.tenant_id and m.request_id = r.id and m.state = 'pending')
     and not exists (select 1 from dsr.package p where p.tenant_id = r.tenant_id and p.request_id = r.id
       and p.downloaded_at is null and p.expires_at > $1)
     and (r.state <> 'completed' or r.type = 'access' or exists (
       select 1 from dsr.certificate c where c.tenant_id = r.tenant_id and c.request_id = r.id and c.version = r.version))
   order by r.closed_at limit $2`,
);

/** $1 id $2 now */
export const forgetRequest = statement(
  'dsr.forget_request',
  `update dsr.request set sealed = null, search_sealed = null, subject_label = null, forgotten_at = $2
   where id = $1 and forgotten_at is null`,
);

/** $1 request */
export const deletePackageChunks = statement(
  'dsr.delete_package_chunks',
  `delete from dsr.package_chunk where request_id = $1`,
);

/** $1 request $2 sha256 $3 bytes $4 chunks $5 created $6 expires */
export const upsertPackage = statement(
  'dsr.upsert_package',
  `insert into dsr.package (tenant_id, request_id, sha256, bytes, chunks, created_at, expires_at)
   values ((select db.current_tenant()), $1, $2, $3, $4, $5, $6)
   on conflict (tenant_id, request_id) do update set sha256 = excluded.sha256, bytes = excluded.bytes, chunks = excluded.chunks,
     created_at = excluded.created_at, expires_at = excluded.expires_at, downloaded_at = null`,
);

/** $1 request $2 position $3 content */
export const insertPackageChunk = statement(
  'dsr.insert_package_chunk',
  `insert into dsr.package_chunk (tenant_id, request_id, position, content) values ((select db.current_tenant()), $1, $2, $3)`,
);

/** The one download. $1 request $2 now */
export const claimPackage = statement(
  'dsr.claim_package',
  `update dsr.package set downloaded_at = $2 where request_id = $1 and downloaded_at is null and expires_at > $2
   returning sha256, bytes, chunks`,
);

/** $1 request */
export const selectPackageChunks = statement(
  'dsr.select_package_chunks',
  `select position, content from dsr.package_chunk where request_id = $1 order by position`,
);

/** What waits for the commit (deferred constraints and triggers) happens at once, so that the scan sees what it leaves. */
export const settleDeferred = statement('dsr.settle_deferred', `select dsr.settle_deferred()`);
