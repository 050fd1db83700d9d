-- The tenant wall: signed tenant setting, the template that protects a table, the table of tenants.
-- Run by the administrator; everything here belongs to gatehouse_owner.

set local role gatehouse_owner;

create table db.signing_key (
  only_row boolean primary key default true check (only_row),
  inner_key bytea not null,
  outer_key bytea not null
);
comment on table db.signing_key is
  'Platform: padded HMAC key that signs the tenant setting; readable by the owner alone';

create function db.current_tenant() returns uuid
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
  setting text := nullif(current_setting('gatehouse.tenant', true), '');
  tenant text;
  message text;
  mac text;
begin
  if setting is null then
    return null;
  end if;
  tenant := split_part(setting, '|', 1);
  message := tenant || '|' || pg_backend_pid() || '|'
    || (extract(epoch from transaction_timestamp()) * 1000000)::bigint;
  select encode(sha256(k.outer_key || sha256(k.inner_key || convert_to(message, 'UTF8'))), 'hex')
    into mac from db.signing_key k;
  if mac is null or mac <> split_part(setting, '|', 2) then
    raise exception 'the tenant setting is not signed for this transaction' using errcode = '42501';
  end if;
  return tenant::uuid;
end
$$;
comment on function db.current_tenant() is
  'The tenant of this transaction, or null; raises 42501 when the setting is forged or replayed';

-- Every tenant table calls this once, right after its creation.
create procedure db.protect_tenant_table(target regclass)
language plpgsql
as $$
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format(
    'create policy tenant_base on %s as permissive for all to gatehouse_app using (true) with check (true)', target);
  execute format(
    'create policy tenant_wall on %s as restrictive for all to public '
    || 'using (tenant_id = (select db.current_tenant())) with check (tenant_id = (select db.current_tenant()))', target);
end
$$;
comment on procedure db.protect_tenant_table(regclass) is
  'Enables and forces row-level security with the restrictive tenant policy and its permissive base';

-- Tables that belong to the log refuse changes whoever asks, owner included.
create function db.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% on %.% is refused: the table is append-only', tg_op, tg_table_schema, tg_table_name
    using errcode = '42501';
end
$$;
comment on function db.refuse_change() is 'Trigger body of append-only tables';

create table db.tenant (
  id uuid primary key,
  slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name text not null check (length(name) between 1 and 200),
  state text not null default 'active' check (state in ('active', 'disabled')),
  settings jsonb not null default '{}',
  created_at timestamptz not null default now()
);
comment on table db.tenant is 'Platform: one row per customer organisation; holds no personal data';
comment on column db.tenant.settings is 'Time zone, languages and other choices of the tenant, validated by the server';

insert into db.tenant (id, slug, name)
values ('00000000-0000-7000-8000-000000000000', 'platform', 'Gatehouse platform');

grant usage on schema db to gatehouse_app, gatehouse_sequencer;
grant execute on function db.current_tenant() to gatehouse_app, gatehouse_sequencer;
grant select, insert, update on db.tenant to gatehouse_app;
grant select on db.tenant to gatehouse_sequencer;
revoke execute on procedure db.protect_tenant_table(regclass) from public;
grant select on db.migration to gatehouse_app;

reset role;
