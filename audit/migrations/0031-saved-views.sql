-- Searches that people keep, and have delivered.

create table audit.saved_view (
  tenant_id uuid not null references db.tenant (id),
  id uuid not null,
  owner_id text not null check (length(owner_id) between 1 and 200),
  name text not null check (length(name) between 1 and 100),
  shared boolean not null default false,
  filter jsonb not null,
  schedule jsonb,
  sealed_recipient bytea,
  next_run_at timestamptz,
  delivered_to bigint,
  last_run_at timestamptz,
  last_error text check (length(last_error) <= 500),
  created_at timestamptz not null,
  primary key (tenant_id, id),
  check ((schedule is null) = (next_run_at is null)),
  check ((schedule is null) = (sealed_recipient is null))
);
comment on table audit.saved_view is 'Searches of the trail that their owners keep; shared ones are seen by everybody who may read the trail';
comment on column audit.saved_view.sealed_recipient is 'CT1 of the mail address of the owner, under the owner''s own key';
comment on column audit.saved_view.delivered_to is 'Events before this sequence number were delivered';
create unique index saved_view_name on audit.saved_view (tenant_id, owner_id, name);
create index saved_view_due on audit.saved_view (tenant_id, next_run_at) where next_run_at is not null;
call db.protect_tenant_table('audit.saved_view');
grant select, insert, update, delete on audit.saved_view to gatehouse_app;
