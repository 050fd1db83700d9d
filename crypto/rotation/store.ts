import { statement } from '../../db/index.ts';

const columns = `id, kind, target, state, phase, position, total, done, rate, started_at, phase_since, heartbeat_at, finished_at, error, actor, fence`;

/** $1 tenant $2 id $3 kind $4 target $5 phase $6 total $7 actor; no row when the same work is under way already */
export const insertJob = statement(
  'crypto.insert_key_job',
  `insert into crypto.key_job (tenant_id, id, kind, target, phase, total, actor) values ($1, $2, $3, $4, $5, $6, $7)
   on conflict do nothing returning ${columns}`,
);

/** $1 tenant $2 kind $3 target */
export const readRunningJob = statement(
  'crypto.read_running_key_job',
  `select ${columns} from crypto.key_job where tenant_id = $1 and kind = $2 and target = $3::jsonb and state = 'running'`,
);

/** $1 tenant $2 id */
export const readJob = statement(
  'crypto.read_key_job',
  `select ${columns} from crypto.key_job where tenant_id = $1 and id = $2`,
);

/** Newest first. $1 tenant $2 last id seen or null $3 limit */
export const listJobs = statement(
  'crypto.list_key_jobs',
  `select ${columns} from crypto.key_job where tenant_id = $1 and ($2::uuid is null or id < $2::uuid) order by id desc limit $3`,
);

/** Jobs that nobody holds. $1 tenant $2 limit */
export const readDueJobs = statement(
  'crypto.read_due_key_jobs',
  `select id from crypto.key_job where tenant_id = $1 and state = 'running' and (lease_until is null or lease_until < clock_timestamp())
   order by started_at, id limit $2`,
);

/** Takes a job for a while; no row when another process has it. $1 tenant $2 id $3 seconds */
export const claimJob = statement(
  'crypto.claim_key_job',
  `update crypto.key_job set fence = fence + 1, lease_until = clock_timestamp() + make_interval(secs => $3::double precision), heartbeat_at = clock_timestamp()
   where tenant_id = $1 and state = 'running' and id = (select id from crypto.key_job where tenant_id = $1 and id = $2 and state = 'running'
     and (lease_until is null or lease_until < clock_timestamp()) for update skip locked)
   returning ${columns}`,
);

/** Written with every part; no row when the lease was lost. $1 tenant $2 id $3 fence $4 seconds $5 phase $6 position $7 done now $8 rate $9 new total or null */
export const advanceJob = statement(
  'crypto.advance_key_job',
  `update crypto.key_job set phase = $5, position = $6, done = case when phase = $5 then done else 0 end + $7, rate = $8,
     total = coalesce($9::bigint, total), phase_since = case when phase = $5 then phase_since else clock_timestamp() end,
     heartbeat_at = clock_timestamp(), lease_until = clock_timestamp() + make_interval(secs => $4::double precision)
   where tenant_id = $1 and id = $2 and fence = $3 and state = 'running' returning ${columns}`,
);

/** $1 tenant $2 id $3 fence $4 done | failed $5 error or null */
export const endJob = statement(
  'crypto.end_key_job',
  `update crypto.key_job set state = $4, error = $5, finished_at = clock_timestamp(), heartbeat_at = clock_timestamp(), lease_until = null
   where tenant_id = $1 and id = $2 and fence = $3 and state = 'running' returning ${columns}`,
);

/** $1 tenant $2 id $3 fence */
export const releaseJob = statement(
  'crypto.release_key_job',
  `update crypto.key_job set lease_until = null where tenant_id = $1 and id = $2 and fence = $3 and state = 'running'`,
);

/** Every tenant after one. $1 last id seen */
export const selectJobTenants = statement(
  'crypto.select_job_tenants',
  `select id from db.tenant where id > $1::uuid order by id limit 1000`,
);

/** Whether no transaction of this role began before a moment. $1 moment */
export const isSettled = statement(
  'crypto.is_settled',
  `select clock_timestamp() > $1::timestamptz and not exists (select 1 from pg_stat_activity
     where datname = current_database() and usename = current_user and pid <> pg_backend_pid() and xact_start <= $1::timestamptz) as settled`,
);
