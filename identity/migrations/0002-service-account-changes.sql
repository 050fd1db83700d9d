-- Every process remembers living service accounts; whoever changes or removes one tells them.
create function identity.notify_service_account() returns trigger
language plpgsql
set search_path = pg_catalog
as $$
begin
  perform pg_notify('identity_service_account', old.tenant_id || '.' || old.id);
  return null;
end
$$;
comment on function identity.notify_service_account() is 'Tells every process to read the service account anew';
create trigger notify_change after update or delete on identity.service_account
  for each row execute function identity.notify_service_account();
