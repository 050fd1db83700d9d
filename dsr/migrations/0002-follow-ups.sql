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

-- A completion has one certificate, and a second one when everything was read after it.
alter table dsr.certificate
  add column kind text not null default 'completion' check (kind in ('completion', 'full_scan')),
  drop constraint certificate_pkey,
  add primary key (tenant_id, request_id, version, kind);
comment on column dsr.certificate.kind is
  'completion: signed when the request was completed; full_scan: its follow-up after the deferred scan ended clean';

create table dsr.certificate_mark (
  certificate_id uuid primary key,
  marked_at timestamptz not null,
  reason text not null check (reason in ('full_scan_found'))
);
comment on table dsr.certificate_mark is
  'Platform: certificates that do not stand any more, by their random id; asked by whoever verifies one. Append-only';
create trigger certificate_mark_is_append_only before update or delete on dsr.certificate_mark
  for each row execute function db.refuse_change();
grant select, insert on dsr.certificate_mark to gatehouse_app;

alter table dsr.request
  add column extended_at timestamptz,
  add column extension_reason text check (length(extension_reason) <= 2000);
comment on column dsr.request.extended_at is 'When the deadline was extended; once';
comment on column dsr.request.extension_reason is 'What the person was told about it';
