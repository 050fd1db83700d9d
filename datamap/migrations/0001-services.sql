-- Maps that a tenant loaded beside the built-in services.

create table datamap.service (
  tenant_id uuid not null,
  key text not null check (length(key) between 1 and 63),
  yaml text not null check (length(yaml) <= 2000000),
  revision text not null check (revision ~ '^[0-9a-f]{64}$'),
  loaded_at timestamptz not null,
  loaded_by text not null,
  primary key (tenant_id, key)
);
comment on table datamap.service is 'A tenant''s own wrapped services, one file each; validated before it is stored';
comment on column datamap.service.revision is 'SHA-256 of the canonical map, so that a cache knows whether it is current';
comment on column datamap.service.loaded_by is 'Id of the principal, or the part of the house';
call db.protect_tenant_table('datamap.service');

grant usage on schema datamap to gatehouse_app;
grant select, insert, update, delete on datamap.service to gatehouse_app;
