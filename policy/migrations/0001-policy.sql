-- Roles, grants and the revision that every change bumps; subjects and resource types that tenants bring for AuthZEN.

create table policy.revision (
  tenant_id uuid primary key,
  number bigint not null,
  changed_at timestamptz not null
);
comment on table policy.revision is 'One row per tenant: the number that every change of its policy increases';
call db.protect_tenant_table('policy.revision');

create table policy.role (
  tenant_id uuid not null,
  name text not null check (name ~ '^[a-z][a-z0-9_-]{0,62}$'),
  description text not null check (length(description) <= 500),
  rules jsonb not null check (jsonb_typeof(rules) = 'array'),
  built_in boolean not null default false,
  updated_at timestamptz not null,
  primary key (tenant_id, name)
);
comment on table policy.role is 'Roles as data: named lists of rules';
comment on column policy.role.rules is 'Rules as policy/schema.ts describes them; validated again when loaded';
comment on column policy.role.built_in is 'Installed by the house; the API does not change it';
call db.protect_tenant_table('policy.role');

create table policy.grant (
  tenant_id uuid not null,
  id uuid not null,
  principal_id uuid not null,
  role text not null,
  granted_by uuid not null,
  reason text not null check (length(reason) between 1 and 500),
  granted_at timestamptz not null,
  expires_at timestamptz check (expires_at > granted_at),
  last_used_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, role) references policy.role (tenant_id, name),
  unique (tenant_id, principal_id, role),
  check (principal_id <> granted_by)
);
comment on table policy.grant is 'Who was given which role, by whom, why and until when; a revoked grant is deleted, the log remembers it';
comment on column policy.grant.last_used_at is 'When a decision last relied on it; accurate to the hour';
create index grant_role on policy.grant (tenant_id, role);
call db.protect_tenant_table('policy.grant');

create table policy.subject (
  tenant_id uuid not null,
  type text not null check (length(type) between 1 and 100),
  id text not null check (length(id) between 1 and 256),
  properties jsonb not null default '{}' check (jsonb_typeof(properties) = 'object'),
  roles text[] not null default '{}',
  updated_at timestamptz not null,
  primary key (tenant_id, type, id)
);
comment on table policy.subject is 'Subjects of tenants'' own applications, known to AuthZEN only; never principals of this house';
call db.protect_tenant_table('policy.subject');

create table policy.resource_type (
  tenant_id uuid not null,
  type text not null check (length(type) between 1 and 100),
  fields jsonb not null check (jsonb_typeof(fields) = 'array'),
  updated_at timestamptz not null,
  primary key (tenant_id, type)
);
comment on table policy.resource_type is 'Resource types of tenants'' own applications with the fields that conditions may name';
call db.protect_tenant_table('policy.resource_type');

grant usage on schema policy to gatehouse_app;
grant select, insert, update on policy.revision to gatehouse_app;
grant select, insert, update, delete on policy.role, policy.grant, policy.subject, policy.resource_type to gatehouse_app;
