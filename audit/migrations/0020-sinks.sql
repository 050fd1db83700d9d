-- Receivers of the trail: each with its own cursor, so that none waits for another.

create table audit.sink (
  tenant_id uuid not null references db.tenant (id),
  id uuid not null,
  name text not null check (length(name) between 1 and 100),
  configuration jsonb not null,
  filter jsonb not null,
  personal_data boolean not null default false,
  sealed_secrets bytea not null,
  state text not null default 'active' check (state in ('active', 'paused')),
  cursor bigint not null check (cursor >= 0),
  delivered bigint not null default 0,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  last_error text check (length(last_error) <= 1000),
  last_delivered_at timestamptz,
  lease_until timestamptz,
  fence bigint not null default 0,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id)
);
comment on table audit.sink is 'Receivers of the trail, each with the sequence number of the next event it gets';
comment on column audit.sink.configuration is 'Where and how; holds no secret';
comment on column audit.sink.sealed_secrets is 'CT1 of the secrets, under the tenant purpose audit-sink';
comment on column audit.sink.personal_data is 'Whether names, addresses and client addresses leave with the events';
comment on column audit.sink.cursor is 'Every event before it was delivered, filtered out, or stands in audit.sink_dead_letter';
comment on column audit.sink.attempts is 'Attempts in a row that failed; 0 when the receiver took the last batch';
comment on column audit.sink.fence is 'Raised by every worker that takes the lease; a cursor moves only under its fence';
create unique index sink_name on audit.sink (tenant_id, name);
create index sink_due on audit.sink (tenant_id, next_attempt_at) where state = 'active';
call db.protect_tenant_table('audit.sink');

create table audit.sink_dead_letter (
  tenant_id uuid not null,
  sink_id uuid not null,
  seq bigint not null,
  reason text not null check (length(reason) <= 1000),
  refused_at timestamptz not null,
  primary key (tenant_id, sink_id, seq),
  foreign key (tenant_id, sink_id) references audit.sink (tenant_id, id) on delete cascade
);
comment on table audit.sink_dead_letter is 'Single events that a receiver refuses as they are; the log still has them';
call db.protect_tenant_table('audit.sink_dead_letter');

grant select, insert, update, delete on audit.sink, audit.sink_dead_letter to gatehouse_app;
