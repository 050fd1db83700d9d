-- Erasing and scanning in one transaction, certificates that are followed up, deadlines that are extended.

create function dsr.settle_deferred() returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  set constraints all immediate;
  -- A state and its timeline row are written one after the other.
  set constraints dsr.request_state_is_in_timeline deferred;
end
$$;
comment on function dsr.settle_deferred() is
  'Runs now what mapped tables put off until the commit, so that the absence scan of the same transaction sees its effect';
