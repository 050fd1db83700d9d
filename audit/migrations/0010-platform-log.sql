-- One more log whose leaves are the tenants' checkpoints, so that one witness covers all tenants. It belongs to nobody,
-- so its tables are not walled by tenant; a leaf names a log by a hash that only those can compute who know its origin.

create table audit.platform_log (
  one boolean primary key default true check (one),
  origin text not null check (length(origin) between 3 and 300),
  vkey text not null,
  created_at timestamptz not null default now()
);
comment on table audit.platform_log is 'Platform: origin and key of the log of checkpoints; Append-only, public facts only';

create table audit.platform_head (
  one boolean primary key default true check (one),
  size bigint not null check (size >= 0),
  root bytea not null check (length(root) = 32),
  frontier bytea not null check (length(frontier) % 32 = 0),
  checkpoint text not null,
  updated_at timestamptz not null default now()
);
comment on table audit.platform_head is
  'Platform: where the log of checkpoints stands; its row lock lets one writer of all processes work at a time';

create table audit.platform_entry (
  seq bigint primary key check (seq >= 0),
  log_tag bytea not null check (length(log_tag) = 32),
  log_size bigint not null check (log_size > 0),
  leaf_hash bytea not null check (length(leaf_hash) = 32),
  body bytea not null,
  unique (log_tag, log_size)
);
comment on table audit.platform_entry is
  'Platform: the leaves of the log of checkpoints; Append-only. Each commits to one checkpoint of one tenant''s log';
comment on column audit.platform_entry.log_tag is
  'SHA-256 of the origin: found by whoever knows the log, says nothing to others, since a log id is 128 random bits';
comment on column audit.platform_entry.body is 'The leaf, see docs/design; leaf_hash = SHA-256(0x00 || body)';

create table audit.platform_tile (
  level smallint not null check (level between 0 and 63),
  index bigint not null check (index >= 0),
  hashes bytea not null check (length(hashes) = 8192),
  root bytea not null check (length(root) = 32),
  primary key (level, index)
);
comment on table audit.platform_tile is 'Platform: full tiles of the log of checkpoints; Append-only';

create table audit.platform_checkpoint (
  size bigint primary key,
  root bytea not null check (length(root) = 32),
  note text not null,
  signed_at timestamptz not null
);
comment on table audit.platform_checkpoint is 'Platform: every checkpoint of the log of checkpoints; Append-only';

create table audit.log_key (
  tenant_id uuid not null,
  log text not null check (log in ('tenant', 'platform')),
  public_key bytea not null check (length(public_key) = 1312),
  sealed_seed bytea not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, log)
);
comment on table audit.log_key is
  'Append-only: ML-DSA-44 keys that sign checkpoints beside Ed25519; the seed as CT1 under the tenant purpose audit';

create table audit.cosignature (
  tenant_id uuid not null,
  log text not null check (log in ('tenant', 'platform')),
  size bigint not null check (size >= 0),
  witness text not null check (length(witness) between 1 and 300),
  key_id bytea not null check (length(key_id) = 4),
  line text not null check (length(line) < 5000),
  received_at timestamptz not null default now(),
  primary key (tenant_id, log, size, witness, key_id)
);
comment on table audit.cosignature is
  'Append-only: signature lines of witnesses over checkpoints, as they answered; the platform log stands under the platform tenant';

create table audit.witness_state (
  tenant_id uuid not null,
  log text not null check (log in ('tenant', 'platform')),
  witness text not null check (length(witness) between 1 and 300),
  size bigint not null check (size >= 0),
  outcome text not null check (outcome in ('cosigned', 'contradicted', 'refused', 'unreachable')),
  detail text not null check (length(detail) <= 300),
  asked_at timestamptz not null,
  cosigned_at timestamptz,
  primary key (tenant_id, log, witness)
);
comment on table audit.witness_state is 'What each witness said last; a memory for the next question and for those who look';
comment on column audit.witness_state.size is 'The largest size it cosigned for us';

call db.protect_tenant_table('audit.log_key');
call db.protect_tenant_table('audit.cosignature');
call db.protect_tenant_table('audit.witness_state');

do $$
declare
  name text;
begin
  foreach name in array array['platform_log', 'platform_entry', 'platform_tile', 'platform_checkpoint', 'log_key', 'cosignature'] loop
    execute format('create trigger refuse_change before update or delete on audit.%I for each row execute function db.refuse_change()', name);
    execute format('create trigger refuse_truncate before truncate on audit.%I for each statement execute function db.refuse_change()', name);
  end loop;
end
$$;

grant select on audit.platform_log, audit.platform_head, audit.platform_entry, audit.platform_tile, audit.platform_checkpoint to gatehouse_app;
grant select, insert on audit.platform_log, audit.platform_entry, audit.platform_tile, audit.platform_checkpoint to gatehouse_sequencer;
grant select, insert, update on audit.platform_head to gatehouse_sequencer;
grant select, insert on audit.log_key, audit.cosignature to gatehouse_app;
grant select, insert, update on audit.witness_state to gatehouse_app;
