-- What is about to be done outside the house, and how it went. An intent that nobody settles is an orphan: perhaps it was done.

create table audit.intent (
  tenant_id uuid not null references db.tenant (id),
  id uuid not null,
  effect text not null check (length(effect) between 1 and 100),
  begun_at timestamptz not null,
  settled_at timestamptz,
  orphaned_at timestamptz,
  primary key (tenant_id, id)
);
comment on table audit.intent is 'Effects outside the house between their two events; a settled one may go';
comment on column audit.intent.effect is 'Which effect, e.g. dsr.mail';
comment on column audit.intent.orphaned_at is 'When the trail was told that nobody said how it went';
create index intent_open on audit.intent (tenant_id, begun_at) where settled_at is null;
call db.protect_tenant_table('audit.intent');
grant select, insert, update, delete on audit.intent to gatehouse_app;
