-- What happens to reads while the trail cannot be written. Everything else is refused then, whatever stands here.

create table audit.failure_choice (
  tenant_id uuid not null references db.tenant (id),
  revision integer not null check (revision > 0),
  reads text not null check (reads in ('closed', 'spooled')),
  changed_by uuid not null,
  changed_at timestamptz not null,
  primary key (tenant_id, revision)
);
comment on table audit.failure_choice is 'Append-only: whether reads are refused or recorded on disk while the log cannot be written; the newest revision is in force';
call db.protect_tenant_table('audit.failure_choice');
create trigger refuse_change before update or delete on audit.failure_choice for each row execute function db.refuse_change();
create trigger refuse_truncate before truncate on audit.failure_choice for each statement execute function db.refuse_change();
grant select, insert on audit.failure_choice to gatehouse_app;
