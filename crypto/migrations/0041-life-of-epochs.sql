-- The end of a key epoch: superseded, then scheduled or destroyed at the provider; the tenant's standing schedule; retirements.

alter table crypto.kek
  add column superseded_at timestamptz,
  add column destroy_at timestamptz,
  add column destroyed_at timestamptz,
  add column destroy_tried_at timestamptz,
  add column destroy_error text check (length(destroy_error) between 1 and 300);
comment on column crypto.kek.superseded_at is 'Since when nothing is wrapped under it any more';
comment on column crypto.kek.destroy_at is 'The day the provider named for the destruction; backups open until then';
comment on column crypto.kek.destroyed_at is 'Since when no backup opens what was wrapped under it';
comment on column crypto.kek.destroy_tried_at is 'When the provider was last asked to destroy it';
comment on column crypto.kek.destroy_error is 'Why the provider did not; it is asked again';
alter table crypto.kek drop constraint kek_state_check;
alter table crypto.kek add constraint kek_state_check
  check (state in ('active', 'rewrapping', 'superseded', 'scheduled', 'destroyed'));
comment on column crypto.kek.state is
  'active: wraps new data keys; rewrapping: its data keys are moving on; superseded: none are left; scheduled: the provider destroys it at destroy_at; destroyed: the provider has forgotten it, so no backup opens it';
grant update (destroy_at, destroyed_at, destroy_tried_at, destroy_error) on crypto.kek to gatehouse_app;

create function crypto.stamp_epoch() returns trigger language plpgsql as $$
begin
  if old.state in ('scheduled', 'destroyed') and new.state not in ('scheduled', 'destroyed') or old.state = 'destroyed' and new.state <> 'destroyed' then
    raise exception 'an epoch that is destroyed does not come back' using errcode = '42501';
  end if;
  if new.state = 'superseded' and old.state <> 'superseded' then
    new.superseded_at = now();
  end if;
  return new;
end
$$;
comment on function crypto.stamp_epoch() is 'Notes since when an epoch wraps nothing; refuses to revive a destroyed one';
create trigger kek_stamp_epoch before update on crypto.kek for each row execute function crypto.stamp_epoch();

create or replace function crypto.refuse_retired_epoch() returns trigger language plpgsql as $$
begin
  -- The foreign key has locked the rows of crypto.kek by now, so their state is what it will be at the commit.
  if exists (
    select from added a join crypto.kek k on k.tenant_id = a.tenant_id and k.epoch = a.epoch
    where a.state <> 'shredded' and k.state in ('superseded', 'scheduled', 'destroyed')
  ) then
    raise exception 'the key-encryption key of this epoch is retired; read the active one again' using errcode = '55000';
  end if;
  return null;
end
$$;

create index shred_ledger_request on crypto.shred_ledger (tenant_id, request_id);

create table crypto.life_schedule (
  tenant_id uuid primary key references db.tenant (id),
  rotate_every_days integer check (rotate_every_days between 1 and 3650),
  retire_after_days integer check (retire_after_days between 0 and 3650),
  approval_id uuid,
  changed_at timestamptz not null
);
comment on table crypto.life_schedule is 'When a tenant''s key epochs are rotated and destroyed by themselves; changed by two people only';
comment on column crypto.life_schedule.rotate_every_days is 'Age at which the active epoch is left; null: by hand only';
comment on column crypto.life_schedule.retire_after_days is 'Days after which an epoch that wraps nothing is destroyed; null: by hand only';
comment on column crypto.life_schedule.approval_id is 'The proposal that two people agreed to; null: laid down when the tenant was set up';
call db.protect_tenant_table('crypto.life_schedule');

create table crypto.retirement (
  tenant_id uuid not null references db.tenant (id),
  id uuid not null,
  through_epoch integer not null check (through_epoch >= 1),
  state text not null default 'running' check (state in ('running', 'done')),
  begun_by uuid not null,
  begun_at timestamptz not null,
  finished_at timestamptz,
  error text check (length(error) between 1 and 300),
  primary key (tenant_id, id)
);
comment on table crypto.retirement is 'Epochs that two people want destroyed: rewrapped first, asked of the provider until it has agreed';
comment on column crypto.retirement.id is 'The proposal that was approved';
comment on column crypto.retirement.error is 'Why it waits; it is carried on by itself';
create index retirement_open on crypto.retirement (tenant_id, begun_at) where state = 'running';
call db.protect_tenant_table('crypto.retirement');

grant select, insert on crypto.life_schedule, crypto.retirement to gatehouse_app;
grant update (rotate_every_days, retire_after_days, approval_id, changed_at) on crypto.life_schedule to gatehouse_app;
grant update (state, finished_at, error) on crypto.retirement to gatehouse_app;
