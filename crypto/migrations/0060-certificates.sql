-- The internal authorities of a tenant, what they issued, and their newest revocation lists. Private keys are CT1 ciphertexts.

create table crypto.pki_authority (
  tenant_id uuid not null references db.tenant (id),
  id uuid not null,
  algorithm text not null check (algorithm in ('rsa-3072', 'ec-p256')),
  generation integer not null check (generation between 1 and 10000),
  common_name text not null check (length(common_name) between 1 and 64),
  certificate bytea not null check (octet_length(certificate) between 100 and 8192),
  sealed_private_key bytea not null check (octet_length(sealed_private_key) between 100 and 8192),
  not_before timestamptz not null,
  not_after timestamptz not null check (not_after > not_before),
  crl bytea not null check (octet_length(crl) between 100 and 8388608),
  crl_number bigint not null check (crl_number >= 1),
  crl_entries integer not null check (crl_entries >= 0),
  crl_this_update timestamptz not null,
  crl_next_update timestamptz not null check (crl_next_update > crl_this_update),
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, algorithm, generation)
);
comment on table crypto.pki_authority is 'Internal certificate authorities by algorithm and generation, each with its newest revocation list';
comment on column crypto.pki_authority.sealed_private_key is 'PKCS#8 as a CT1 ciphertext under the tenant purpose pki:authority';
comment on column crypto.pki_authority.crl is 'DER of the newest revocation list; older ones stand as hashes in the trail';
comment on column crypto.pki_authority.crl_number is 'Number of the newest revocation list, never lower than before';
call db.protect_tenant_table('crypto.pki_authority');

create function crypto.keep_crl_number() returns trigger language plpgsql as $$
begin
  if new.crl_number < old.crl_number then
    raise exception 'the number of a revocation list never goes back' using errcode = '42501';
  end if;
  return new;
end
$$;
comment on function crypto.keep_crl_number() is 'Refuses a revocation list with a lower number than the one before';
create trigger pki_authority_crl_number before update on crypto.pki_authority
  for each row execute function crypto.keep_crl_number();
create trigger pki_authority_never_deleted before delete or truncate on crypto.pki_authority
  for each statement execute function db.refuse_change();

create table crypto.pki_certificate (
  tenant_id uuid not null references db.tenant (id),
  id uuid not null,
  authority_id uuid,
  serial bytea not null check (octet_length(serial) = 16),
  profile text not null check (profile in ('mtls-client', 'mtls-server', 'saml-signing')),
  common_name text not null check (length(common_name) between 1 and 64),
  names jsonb not null check (jsonb_typeof(names) = 'array'),
  algorithm text not null check (algorithm in ('rsa-2048', 'rsa-3072', 'rsa-4096', 'ec-p256', 'ec-p384')),
  certificate bytea not null check (octet_length(certificate) between 100 and 32768),
  sealed_private_key bytea check (octet_length(sealed_private_key) between 100 and 8192),
  exportable boolean not null,
  not_before timestamptz not null,
  not_after timestamptz not null check (not_after > not_before),
  renews uuid,
  revoked_at timestamptz,
  revocation_reason text check (revocation_reason in ('unspecified', 'key_compromise', 'affiliation_changed', 'superseded', 'cessation_of_operation', 'privilege_withdrawn')),
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, authority_id, serial),
  unique (tenant_id, renews),
  foreign key (tenant_id, authority_id) references crypto.pki_authority (tenant_id, id),
  foreign key (tenant_id, renews) references crypto.pki_certificate (tenant_id, id),
  check ((revoked_at is null) = (revocation_reason is null))
);
comment on table crypto.pki_certificate is 'Certificates that were issued: for mutual TLS and for signing SAML';
comment on column crypto.pki_certificate.authority_id is 'Null when it is signed by its own key';
comment on column crypto.pki_certificate.sealed_private_key is 'PKCS#8 as a CT1 ciphertext under the tenant purpose pki:end; null when the key was never ours';
comment on column crypto.pki_certificate.exportable is 'Whether the private key may leave in a bundle; decided when it was issued';
comment on column crypto.pki_certificate.renews is 'The certificate it takes over from; each has at most one successor';
create index pki_certificate_name on crypto.pki_certificate (tenant_id, common_name, profile, not_after desc);
create index pki_certificate_end on crypto.pki_certificate (tenant_id, not_after) where revoked_at is null;
call db.protect_tenant_table('crypto.pki_certificate');

create function crypto.keep_revoked() returns trigger language plpgsql as $$
begin
  if old.revoked_at is not null then
    raise exception 'a revoked certificate stays revoked' using errcode = '42501';
  end if;
  return new;
end
$$;
comment on function crypto.keep_revoked() is 'Refuses every change of a revoked certificate';
create trigger pki_certificate_keep_revoked before update on crypto.pki_certificate
  for each row execute function crypto.keep_revoked();
create trigger pki_certificate_never_deleted before delete or truncate on crypto.pki_certificate
  for each statement execute function db.refuse_change();

grant select, insert on crypto.pki_authority, crypto.pki_certificate to gatehouse_app;
grant update (crl, crl_number, crl_entries, crl_this_update, crl_next_update) on crypto.pki_authority to gatehouse_app;
grant update (revoked_at, revocation_reason) on crypto.pki_certificate to gatehouse_app;
