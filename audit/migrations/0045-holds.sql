-- Legal holds: while one stands, what it names is neither pruned nor made unreadable. A hold is released by a row of its own.

create table audit.hold (
  tenant_id uuid not null references db.tenant (id),
  id uuid not null,
  kind text not null check (kind in ('log', 'subject', 'actor', 'time')),
  subject_id uuid,
  actor_id text check (length(actor_id) between 1 and 200),
  from_at timestamptz,
  to_at timestamptz,
  reason text not null check (length(reason) between 1 and 500),
  until timestamptz,
  placed_by uuid not null,
  placed_at timestamptz not null,
  primary key (tenant_id, id),
  check ((kind = 'subject') = (subject_id is not null)),
  check ((kind = 'actor') = (actor_id is not null)),
  check ((kind = 'time') = (from_at is not null and to_at is not null)),
  check (to_at > from_at),
  check (until > placed_at)
);
comment on table audit.hold is 'Append-only: legal holds over a log, a person, an actor or a time; one is over when its end has come or a release names it';
comment on column audit.hold.until is 'End of the hold; null: open';
comment on column audit.hold.placed_by is 'Principal id of who placed it with a fresh step-up';

create table audit.hold_release (
  tenant_id uuid not null,
  hold_id uuid not null,
  approval_id uuid not null,
  proposed_by uuid not null,
  approved_by uuid not null check (approved_by <> proposed_by),
  released_at timestamptz not null,
  primary key (tenant_id, hold_id),
  foreign key (tenant_id, hold_id) references audit.hold (tenant_id, id)
);
comment on table audit.hold_release is 'Append-only: holds that two people lifted';
comment on column audit.hold_release.approval_id is 'The proposal in crypto.approval';

call db.protect_tenant_table('audit.hold');
call db.protect_tenant_table('audit.hold_release');

do $$
declare
  name text;
begin
  foreach name in array array['hold', 'hold_release'] loop
    execute format('create trigger refuse_change before update or delete on audit.%I for each row execute function db.refuse_change()', name);
    execute format('create trigger refuse_truncate before truncate on audit.%I for each statement execute function db.refuse_change()', name);
  end loop;
end
$$;

grant select, insert on audit.hold, audit.hold_release to gatehouse_app;
