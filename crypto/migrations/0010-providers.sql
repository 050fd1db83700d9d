-- Root providers that tenants bring themselves. What is secret of their configuration is sealed under the platform tenant,
-- which always uses the house's provider: a tenant's own key never guards the way to itself.

create table crypto.provider (
  tenant_id uuid not null references db.tenant (id),
  name text not null check (name ~ '^[a-z][a-z0-9-]{1,39}$'),
  kind text not null check (kind ~ '^[a-z][a-z0-9-]{1,39}$'),
  configuration bytea check (octet_length(configuration) between 38 and 65536),
  shown text not null check (length(shown) between 2 and 16384),
  state text not null check (state in ('ready', 'active', 'removed')),
  created_by text not null check (length(created_by) between 1 and 200),
  created_at timestamptz not null,
  primary key (tenant_id, name),
  check ((configuration is null) = (state = 'removed'))
);
comment on table crypto.provider is 'Root providers that a tenant brought; a name is never used twice, so that it always means the same configuration';
comment on column crypto.provider.name is 'Stands in crypto.kek.provider of the epochs that it wraps';
comment on column crypto.provider.configuration is 'CT1 ciphertext of the whole configuration as JSON, under the platform tenant, purpose provider; null once removed';
comment on column crypto.provider.shown is 'JSON of what people may see: addresses, key ids, our public key; nothing secret';
comment on column crypto.provider.state is 'ready: configured; active: wraps new epochs of the tenant; removed: forgotten. No row active: the provider of the house does';
create unique index provider_one_active on crypto.provider (tenant_id) where state = 'active';
call db.protect_tenant_table('crypto.provider');

create function crypto.keep_removed_provider() returns trigger language plpgsql as $$
begin
  if old.state = 'removed' then
    raise exception 'a removed provider stays removed' using errcode = '42501';
  end if;
  if new.configuration is not null and new.configuration is distinct from old.configuration then
    raise exception 'the configuration of a provider never changes; make another' using errcode = '42501';
  end if;
  return new;
end
$$;
comment on function crypto.keep_removed_provider() is 'A configuration is never changed, only forgotten, and then for good';
create trigger provider_keep_removed before update on crypto.provider for each row execute function crypto.keep_removed_provider();
create trigger provider_never_deleted before delete or truncate on crypto.provider for each statement execute function db.refuse_change();

create function crypto.require_provider() returns trigger language plpgsql as $$
begin
  -- The lock makes a removal wait for the epoch, and the epoch for the removal.
  perform from crypto.provider p where p.tenant_id = new.tenant_id and p.name = new.provider for share;
  if exists (
    select from crypto.provider p
    where p.tenant_id = new.tenant_id and p.name = new.provider and p.state = 'removed'
  ) then
    raise exception 'the provider of this epoch was removed; make the epoch with the present one' using errcode = '55000';
  end if;
  return new;
end
$$;
comment on function crypto.require_provider() is 'No epoch is made by a provider that was removed';
create trigger kek_require_provider before insert on crypto.kek for each row execute function crypto.require_provider();

grant select, insert on crypto.provider to gatehouse_app;
grant update (state, configuration) on crypto.provider to gatehouse_app;
