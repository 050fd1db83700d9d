-- Keys of tenants and people, the ledger of what was destroyed, and sealed signing keys. No key is ever stored bare.

create table crypto.kek (
  tenant_id uuid not null references db.tenant (id),
  epoch integer not null check (epoch between 1 and 2147483647),
  provider text not null check (length(provider) between 1 and 100),
  wrapped bytea not null check (octet_length(wrapped) between 32 and 4096),
  commitment bytea not null check (octet_length(commitment) = 32),
  state text not null check (state in ('active', 'rewrapping', 'superseded')),
  created_at timestamptz not null default now(),
  primary key (tenant_id, epoch)
);
comment on table crypto.kek is 'Key-encryption keys of a tenant by epoch, wrapped by the root provider';
comment on column crypto.kek.wrapped is 'What the root provider gave; only that provider opens it';
comment on column crypto.kek.commitment is 'HKDF commitment of the key, so that a wrapped key opens to one key only';
comment on column crypto.kek.state is 'active: wraps new data keys; rewrapping: its data keys are moving on; superseded: none are left';
create unique index kek_one_active on crypto.kek (tenant_id) where state = 'active';
call db.protect_tenant_table('crypto.kek');

create table crypto.dek (
  tenant_id uuid not null,
  kid bytea not null check (octet_length(kid) = 8),
  subject_id uuid,
  purpose text check (length(purpose) between 1 and 100),
  epoch integer not null,
  wrapped bytea,
  commitment bytea,
  state text not null default 'active' check (state in ('active', 'shredded')),
  messages bigint not null default 0 check (messages >= 0),
  created_at timestamptz not null default now(),
  shredded_at timestamptz,
  shred_request text check (length(shred_request) <= 200),
  primary key (tenant_id, kid),
  foreign key (tenant_id, epoch) references crypto.kek (tenant_id, epoch),
  check ((subject_id is null) <> (purpose is null)),
  check (case when state = 'shredded'
    then wrapped is null and commitment is null and shredded_at is not null
    else wrapped is not null and octet_length(wrapped) = 60 and commitment is not null and octet_length(commitment) = 32 and shredded_at is null end)
);
comment on table crypto.dek is 'Data-encryption keys: one per person, one per tenant and purpose; wrapped under the epoch of crypto.kek';
comment on column crypto.dek.wrapped is 'nonce(12) key(32) tag(16) under the KEK; null once shredded, for ever';
comment on column crypto.dek.messages is 'Messages sealed, counted coarsely and never too low by more than each process has not yet written';
comment on column crypto.dek.subject_id is 'Kept after shredding, so that an erased person is never given a new key';
-- A person has one key, ever; a purpose has one active key.
create unique index dek_subject on crypto.dek (tenant_id, subject_id) where subject_id is not null;
create unique index dek_purpose on crypto.dek (tenant_id, purpose) where purpose is not null and state = 'active';
create index dek_epoch on crypto.dek (tenant_id, epoch, kid);
call db.protect_tenant_table('crypto.dek');

create function crypto.keep_shredded() returns trigger language plpgsql as $$
begin
  if old.state = 'shredded' then
    raise exception 'a shredded key stays shredded' using errcode = '42501';
  end if;
  return new;
end
$$;
comment on function crypto.keep_shredded() is 'Refuses every change of a shredded key';
create trigger dek_keep_shredded before update on crypto.dek for each row execute function crypto.keep_shredded();
create trigger dek_never_deleted before delete or truncate on crypto.dek for each statement execute function db.refuse_change();

create table crypto.shred_ledger (
  tenant_id uuid not null,
  id uuid not null,
  kid bytea not null,
  epoch integer not null,
  subject_hash bytea not null check (octet_length(subject_hash) = 32),
  request_id text not null check (length(request_id) between 1 and 200),
  reason text not null check (length(reason) between 1 and 500),
  actor_kind text not null check (length(actor_kind) between 1 and 40),
  actor_id text not null check (length(actor_id) between 1 and 200),
  shredded_at timestamptz not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, kid) references crypto.dek (tenant_id, kid)
);
comment on table crypto.shred_ledger is 'Append-only: every key that was destroyed, when, by whom and for which request; holds no personal data';
comment on column crypto.shred_ledger.subject_hash is 'Keyed hash of the subject id, so that the ledger answers "was this person shredded?" only to the tenant';
create unique index shred_ledger_kid on crypto.shred_ledger (tenant_id, kid);
call db.protect_tenant_table('crypto.shred_ledger');
create trigger shred_ledger_append_only before update or delete or truncate on crypto.shred_ledger
  for each statement execute function db.refuse_change();

create table crypto.signing_key (
  tenant_id uuid not null,
  name text not null check (name ~ '^[a-z][a-z0-9_-]{0,62}$'),
  public_key bytea not null check (octet_length(public_key) = 32),
  sealed_private_key bytea not null check (octet_length(sealed_private_key) = 70),
  created_at timestamptz not null default now(),
  primary key (tenant_id, name)
);
comment on table crypto.signing_key is 'Ed25519 keys, the private half as a CT1 ciphertext under the tenant purpose signing:<name>';
call db.protect_tenant_table('crypto.signing_key');
create trigger signing_key_immutable before update or delete or truncate on crypto.signing_key
  for each statement execute function db.refuse_change();

grant usage on schema crypto to gatehouse_app;
grant select, insert on crypto.kek, crypto.dek, crypto.shred_ledger, crypto.signing_key to gatehouse_app;
grant update (state) on crypto.kek to gatehouse_app;
grant update (epoch, wrapped, commitment, state, messages, shredded_at, shred_request) on crypto.dek to gatehouse_app;
