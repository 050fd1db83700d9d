-- Several keys over time for one person or purpose, and the long works on keys as resumable jobs.

alter table crypto.dek add column current boolean not null default true;
comment on column crypto.dek.current is 'The key that seals new values, or the tombstone that keeps a person from getting one; older keys are not current';
alter table crypto.dek drop constraint dek_state_check;
alter table crypto.dek add constraint dek_state_check check (state in ('active', 'superseded', 'shredded'));
alter table crypto.dek add constraint dek_current_check check (case state when 'active' then current when 'superseded' then not current else true end);
comment on column crypto.dek.state is 'active: seals and opens; superseded: opens only, until it is shredded; shredded: content destroyed for ever';

-- A person has one current key, ever: the shredded one keeps its place, so that no insert makes another.
drop index crypto.dek_subject;
create unique index dek_subject on crypto.dek (tenant_id, subject_id) where subject_id is not null and current;
drop index crypto.dek_purpose;
create unique index dek_purpose on crypto.dek (tenant_id, purpose) where purpose is not null and current;
create index dek_subject_older on crypto.dek (tenant_id, subject_id) where subject_id is not null and not current;
grant update (current) on crypto.dek to gatehouse_app;

create table crypto.key_job (
  tenant_id uuid not null references db.tenant (id),
  id uuid not null,
  kind text not null check (kind in ('rewrap', 'data_key', 'blind_index')),
  target jsonb not null check (length(target::text) <= 2000),
  state text not null default 'running' check (state in ('running', 'done', 'failed')),
  phase text not null check (length(phase) between 1 and 40),
  position jsonb check (length(position::text) <= 4000),
  total bigint not null default 0 check (total >= 0),
  done bigint not null default 0 check (done >= 0),
  rate integer not null default 0 check (rate >= 0),
  started_at timestamptz not null default now(),
  phase_since timestamptz not null default now(),
  heartbeat_at timestamptz not null default now(),
  finished_at timestamptz,
  error text check (length(error) between 1 and 1000),
  actor jsonb not null check (length(actor::text) <= 1000),
  fence bigint not null default 0,
  lease_until timestamptz,
  primary key (tenant_id, id),
  check ((state = 'running') = (finished_at is null)),
  check ((state = 'failed') = (error is not null))
);
comment on table crypto.key_job is 'Long works on keys; whichever process holds the lease does the next part, any other carries it on when that one dies';
comment on column crypto.key_job.target is 'What is worked on: an epoch, a person, a purpose, keys older than a day, an index';
comment on column crypto.key_job.position is 'Where the next part begins; written in the same transaction as the part itself';
comment on column crypto.key_job.total is 'Things to do, as counted when the phase began';
comment on column crypto.key_job.rate is 'Things per second over the last part';
comment on column crypto.key_job.fence is 'Grows with every lease, so that a process that lost its lease cannot write';
create unique index key_job_one_running on crypto.key_job (tenant_id, kind, target) where state = 'running';
create index key_job_due on crypto.key_job (tenant_id, started_at) where state = 'running';
call db.protect_tenant_table('crypto.key_job');
grant select, insert on crypto.key_job to gatehouse_app;
grant update (state, phase, position, total, done, rate, phase_since, heartbeat_at, finished_at, error, fence, lease_until) on crypto.key_job to gatehouse_app;
