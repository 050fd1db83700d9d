-- A superseded epoch is destroyed at the root provider. From then on nothing may be wrapped under it any more, not even by
-- a process that still holds its key: such a data key would be lost with its commit.

alter table crypto.kek drop constraint kek_state_check;
alter table crypto.kek add constraint kek_state_check check (state in ('active', 'rewrapping', 'superseded', 'destroyed'));
comment on column crypto.kek.state is
  'active: wraps new data keys; rewrapping: its data keys are moving on; superseded: none are left; destroyed: the provider has forgotten it, so no backup opens it';

create function crypto.refuse_retired_epoch() returns trigger language plpgsql as $$
begin
  -- The foreign key has locked the rows of crypto.kek by now, so their state is what it will be at the commit.
  if exists (
    select from added a join crypto.kek k on k.tenant_id = a.tenant_id and k.epoch = a.epoch
    where a.state <> 'shredded' and k.state in ('superseded', 'destroyed')
  ) then
    raise exception 'the key-encryption key of this epoch is retired; read the active one again' using errcode = '55000';
  end if;
  return null;
end
$$;
comment on function crypto.refuse_retired_epoch() is 'Refuses data keys under an epoch that is superseded or destroyed';
create trigger dek_refuse_retired_epoch after insert on crypto.dek
  referencing new table as added for each statement execute function crypto.refuse_retired_epoch();
