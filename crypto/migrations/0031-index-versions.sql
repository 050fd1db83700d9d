-- Versions of blind-index keys, so that an index can be rotated while it is searched and written.

create table crypto.index_version (
  tenant_id uuid not null references db.tenant (id),
  collection text not null check (length(collection) between 3 and 300),
  field text not null check (length(field) between 1 and 200),
  name text not null check (length(name) between 1 and 40),
  version integer not null check (version between 1 and 255),
  kid bytea not null,
  state text not null check (state in ('reading', 'writing', 'dropped')),
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  primary key (tenant_id, collection, field, name, version),
  foreign key (tenant_id, kid) references crypto.dek (tenant_id, kid)
);
comment on table crypto.index_version is 'Key versions of blind indexes; an index without rows has version 1 under the first index key of its tenant';
comment on column crypto.index_version.kid is 'The tenant key of purpose index that this version is derived from';
comment on column crypto.index_version.state is 'writing: new values are of it, and it is searched; reading: it is searched; dropped: no row holds it any more';
create unique index index_version_one_writing on crypto.index_version (tenant_id, collection, field, name) where state = 'writing';
create index index_version_key on crypto.index_version (tenant_id, kid);
call db.protect_tenant_table('crypto.index_version');
grant select, insert on crypto.index_version to gatehouse_app;
grant update (state, changed_at) on crypto.index_version to gatehouse_app;
