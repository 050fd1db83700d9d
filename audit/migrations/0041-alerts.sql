-- Rules over the trail, and the alerts that they raise: a follower with a cursor of its own, outside the append.

create table audit.alert_cursor (
  tenant_id uuid primary key references db.tenant (id),
  next_seq bigint not null default 0 check (next_seq >= 0),
  moved_at timestamptz
);
comment on table audit.alert_cursor is 'Up to where the enabled rules of a tenant have seen its log; who evaluates holds the row locked';
call db.protect_tenant_table('audit.alert_cursor');

create table audit.alert_rule (
  tenant_id uuid not null references db.tenant (id),
  id uuid not null,
  name text not null check (length(name) between 1 and 100),
  severity text not null check (severity in ('low', 'medium', 'high', 'critical')),
  definition jsonb not null,
  digest bytea not null check (length(digest) = 32),
  enabled boolean not null default false,
  since_seq bigint check (since_seq >= 0),
  since_at timestamptz,
  state jsonb,
  created_by text not null check (length(created_by) between 1 and 200),
  created_at timestamptz not null,
  changed_at timestamptz not null,
  primary key (tenant_id, id),
  check (enabled = (since_seq is not null)),
  check (enabled = (since_at is not null))
);
comment on table audit.alert_rule is 'What is looked for in the log while it grows';
comment on column audit.alert_rule.digest is 'SHA-256 of the canonical JSON of the definition: what a back-test was of';
comment on column audit.alert_rule.since_seq is 'First event that counts for it: the size of the log when it was enabled';
comment on column audit.alert_rule.state is 'What it remembers of earlier events: ids, times and sequence numbers; moves with audit.alert_cursor';
create unique index alert_rule_name on audit.alert_rule (tenant_id, name);
create index alert_rule_enabled on audit.alert_rule (tenant_id) where enabled;
call db.protect_tenant_table('audit.alert_rule');

create table audit.alert_backtest (
  tenant_id uuid not null references db.tenant (id),
  digest bytea not null check (length(digest) = 32),
  tested_at timestamptz not null,
  tested_by text not null check (length(tested_by) between 1 and 200),
  from_seq bigint not null,
  to_seq bigint not null,
  alerts integer not null,
  primary key (tenant_id, digest)
);
comment on table audit.alert_backtest is 'The last complete back-test of each definition; none is enabled without one';
call db.protect_tenant_table('audit.alert_backtest');

create table audit.alert (
  tenant_id uuid not null references db.tenant (id),
  id uuid not null,
  rule_id uuid not null,
  rule_name text not null,
  kind text not null,
  severity text not null check (severity in ('low', 'medium', 'high', 'critical')),
  key text not null check (length(key) <= 500),
  at timestamptz not null,
  seqs bigint[] not null check (cardinality(seqs) <= 100),
  events integer not null check (events >= 0),
  note text check (length(note) <= 500),
  state text not null default 'open' check (state in ('open', 'acknowledged', 'closed')),
  raised_at timestamptz not null,
  changed_by text check (length(changed_by) <= 200),
  changed_at timestamptz,
  mail_at timestamptz,
  mail_attempts integer not null default 0,
  primary key (tenant_id, id)
);
comment on table audit.alert is 'What rules found; stays when its rule goes';
comment on column audit.alert.key is 'Whom it is about: an id of an actor, a target or a data subject; empty when about nobody';
comment on column audit.alert.seqs is 'The newest events that made it, at most 100 of them';
comment on column audit.alert.at is 'Time of the event that completed it';
comment on column audit.alert.mail_at is 'When mails about it are due; null: none, or all were handed over';
create index alert_mail on audit.alert (tenant_id, mail_at) where mail_at is not null;
create index alert_open on audit.alert (tenant_id, state, id);
create index alert_of_rule on audit.alert (tenant_id, rule_id, id);
call db.protect_tenant_table('audit.alert');

create table audit.alert_subscriber (
  tenant_id uuid not null,
  rule_id uuid not null,
  person_id text not null check (length(person_id) between 1 and 200),
  sealed_recipient bytea not null,
  primary key (tenant_id, rule_id, person_id),
  foreign key (tenant_id, rule_id) references audit.alert_rule (tenant_id, id) on delete cascade
);
comment on table audit.alert_subscriber is 'Who gets a mail when a rule raises an alert';
comment on column audit.alert_subscriber.sealed_recipient is 'CT1 of the mail address of the person, under the own key of that person';
call db.protect_tenant_table('audit.alert_subscriber');

create table audit.alert_network (
  tenant_id uuid not null references db.tenant (id),
  network cidr not null,
  place text not null check (length(place) between 1 and 100),
  latitude double precision not null check (latitude between -90 and 90),
  longitude double precision not null check (longitude between -180 and 180),
  primary key (tenant_id, network)
);
comment on table audit.alert_network is 'Where networks are, as the tenant says; for impossible travel';
call db.protect_tenant_table('audit.alert_network');

grant select, insert, update, delete on audit.alert_cursor, audit.alert_rule, audit.alert_backtest, audit.alert,
  audit.alert_subscriber, audit.alert_network to gatehouse_app;
