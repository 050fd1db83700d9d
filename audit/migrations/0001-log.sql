-- One transparency log per tenant. The writer (gatehouse_sequencer) adds rows, moves the head, empties the pending table;
-- the application reads, and adds to the pending table inside its own transactions. Nobody changes history.

create table audit.log (
  log_id text primary key check (log_id ~ '^[0-9a-f]{32}$'),
  tenant_id uuid not null unique references db.tenant (id),
  origin text not null check (length(origin) between 3 and 300),
  vkey text not null,
  created_at timestamptz not null default now()
);
comment on table audit.log is
  'Platform: directory of logs, so that /log/{logId} finds its tenant; Append-only, public facts only';
comment on column audit.log.log_id is '128 random bits; names the log without naming the tenant';
comment on column audit.log.vkey is 'Verifier key in signed-note form; its name is the origin';

create table audit.head (
  tenant_id uuid primary key references db.tenant (id),
  size bigint not null check (size >= 0),
  epoch bigint not null default 1,
  root bytea not null check (length(root) = 32),
  frontier bytea not null check (length(frontier) % 32 = 0),
  checkpoint text not null,
  updated_at timestamptz not null default now()
);
comment on table audit.head is
  'Where each log stands. Moves by compare-and-set on (size, epoch) in the transaction that adds the entries';
comment on column audit.head.epoch is 'Raised by an operator to fence every running writer, e.g. after a restore';
comment on column audit.head.frontier is 'Roots of the perfect subtrees, left to right, 32 bytes each';
comment on column audit.head.checkpoint is 'The signed checkpoint of exactly this size and root';

create table audit.entry (
  tenant_id uuid not null,
  seq bigint not null,
  id uuid not null,
  occurred_at timestamptz not null,
  received_at timestamptz not null,
  action text not null,
  outcome text not null,
  actor_id text not null,
  targets text,
  idempotency_key text,
  leaf_hash bytea not null,
  body bytea not null,
  primary key (tenant_id, seq)
);
comment on table audit.entry is 'Append-only: the entries of every log, with the bytes exactly as hashed';
comment on column audit.entry.seq is 'Index of the leaf, from 0, without gaps';
comment on column audit.entry.body is 'Canonical JSON, UTF-8; leaf_hash = SHA-256(0x00 || body)';
comment on column audit.entry.targets is 'Space-separated type/id pairs, for text search; null when there are none';
comment on column audit.entry.idempotency_key is 'Not part of the leaf; the same key never stands twice in one log';
alter table audit.entry alter column body set storage external;
create index entry_actor on audit.entry (tenant_id, actor_id, seq);
create index entry_action on audit.entry (tenant_id, action text_pattern_ops, seq);
create index entry_time on audit.entry using brin (tenant_id, occurred_at) with (pages_per_range = 32);
create unique index entry_idempotency on audit.entry (tenant_id, idempotency_key) where idempotency_key is not null;

create table audit.entry_subject (
  tenant_id uuid not null,
  subject_id uuid not null,
  seq bigint not null,
  primary key (tenant_id, subject_id, seq)
);
comment on table audit.entry_subject is 'Append-only: which data subjects an entry touched, for the history of one person';

create table audit.tile (
  tenant_id uuid not null,
  level smallint not null check (level between 0 and 63),
  index bigint not null check (index >= 0),
  hashes bytea not null check (length(hashes) = 8192),
  root bytea not null check (length(root) = 32),
  primary key (tenant_id, level, index)
);
comment on table audit.tile is 'Append-only: full tiles (c2sp.org/tlog-tiles); partial ones are made on read';
comment on column audit.tile.root is 'Hash of the whole subtree, so the level above can be read without hashing again';

create table audit.checkpoint (
  tenant_id uuid not null,
  size bigint not null,
  root bytea not null check (length(root) = 32),
  note text not null,
  signed_at timestamptz not null,
  primary key (tenant_id, size)
);
comment on table audit.checkpoint is 'Append-only: every checkpoint that was ever released';

create table audit.sealed_group (
  tenant_id uuid not null,
  commitment bytea not null check (length(commitment) = 32),
  kind text not null check (kind in ('actor', 'origin')),
  subject_id uuid,
  sealed bytea,
  created_at timestamptz not null default now(),
  primary key (tenant_id, commitment)
);
comment on table audit.sealed_group is
  'Append-only: personal field groups behind the commitments of leaves, sealed under the key of the person they are about';
comment on column audit.sealed_group.subject_id is 'Whose key seals it; null: the tenant key with purpose audit';
comment on column audit.sealed_group.sealed is 'CT1 of salt, length, canonical group, padding; null when the person was erased before';

create table audit.detail (
  tenant_id uuid not null,
  digest bytea not null check (length(digest) = 32),
  body bytea not null,
  primary key (tenant_id, digest)
);
comment on table audit.detail is 'Append-only: details too large for a leaf; the leaf carries their SHA-256';

create table audit.pending (
  tenant_id uuid not null,
  id uuid not null,
  received_at timestamptz not null,
  occurred_at timestamptz not null,
  action text not null,
  outcome text not null,
  actor_id text not null,
  targets text,
  subjects uuid[] not null,
  idempotency_key text,
  body bytea not null,
  primary key (tenant_id, id),
  unique (tenant_id, idempotency_key)
);
comment on table audit.pending is
  'Events of committed transactions on their way into the log; the writer moves them within 250 ms, in one transaction with the head';

call db.protect_tenant_table('audit.head');
call db.protect_tenant_table('audit.entry');
call db.protect_tenant_table('audit.entry_subject');
call db.protect_tenant_table('audit.tile');
call db.protect_tenant_table('audit.checkpoint');
call db.protect_tenant_table('audit.sealed_group');
call db.protect_tenant_table('audit.detail');
call db.protect_tenant_table('audit.pending');

-- Refusing triggers: history does not change whoever asks.
do $$
declare
  name text;
begin
  foreach name in array array['log', 'entry', 'entry_subject', 'tile', 'checkpoint', 'sealed_group', 'detail'] loop
    execute format('create trigger refuse_change before update or delete on audit.%I for each row execute function db.refuse_change()', name);
    execute format('create trigger refuse_truncate before truncate on audit.%I for each statement execute function db.refuse_change()', name);
  end loop;
end
$$;

grant usage on schema audit to gatehouse_app, gatehouse_sequencer;
grant select on audit.log, audit.head, audit.entry, audit.entry_subject, audit.tile, audit.checkpoint to gatehouse_app;
grant select, insert on audit.sealed_group, audit.detail, audit.pending to gatehouse_app;
grant select, insert on audit.log, audit.entry, audit.entry_subject, audit.tile, audit.checkpoint to gatehouse_sequencer;
grant select, insert, update on audit.head to gatehouse_sequencer;
grant select, delete on audit.pending to gatehouse_sequencer;
