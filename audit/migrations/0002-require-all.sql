-- A batch goes to the database in one round trip, so that what must hold is decided there: when a head was moved by
-- another writer, or a waiting event taken, the whole transaction fails.
create function audit.require_all(actual bigint, expected integer) returns void
language plpgsql volatile
set search_path = pg_catalog
as $$
begin
  if actual is distinct from expected::bigint then
    raise exception 'another writer was faster: % of % rows', actual, expected using errcode = 'GHA01';
  end if;
end
$$;
comment on function audit.require_all(bigint, integer) is 'Raises GHA01 unless both counts are equal';
revoke execute on function audit.require_all(bigint, integer) from public;
grant execute on function audit.require_all(bigint, integer) to gatehouse_sequencer;
