-- What needs two people: proposed by one, approved or refused by another, carried out once.

create table crypto.approval (
  tenant_id uuid not null references db.tenant (id),
  id uuid not null,
  action text not null check (action ~ '^[a-z]+\.[a-z_]{1,60}$'),
  payload text not null check (octet_length(payload) between 1 and 65536),
  reason text not null check (length(reason) between 1 and 500),
  digest bytea not null check (octet_length(digest) = 32),
  state text not null default 'proposed'
    check (state in ('proposed', 'executing', 'executed', 'failed', 'interrupted', 'refused', 'expired')),
  proposed_by uuid not null,
  proposed_at timestamptz not null,
  expires_at timestamptz not null,
  decided_by uuid,
  decided_at timestamptz,
  lease_until timestamptz,
  finished_at timestamptz,
  result text check (octet_length(result) <= 65536),
  note text check (length(note) <= 500),
  primary key (tenant_id, id),
  check (expires_at > proposed_at),
  constraint approval_two_people check (state in ('proposed', 'refused', 'expired') or (decided_by is not null and decided_by <> proposed_by))
);
comment on table crypto.approval is 'Proposals that take effect only when a second person approves them; payloads hold ids and choices, no personal data';
comment on column crypto.approval.payload is 'Canonical JSON (RFC 8785 without floats) of what the executor is given';
comment on column crypto.approval.digest is 'SHA-256 over the canonical proposal: what the second person was shown and approves';
comment on column crypto.approval.state is
  'proposed; executing: approved and being carried out; executed; failed; interrupted: the process ended while carrying out, the outcome is unknown and it is never begun again; refused; expired';
comment on column crypto.approval.decided_by is 'Who approved or refused';
comment on column crypto.approval.lease_until is 'The process that carries out renews this; once it is past, the process is gone';
comment on column crypto.approval.note is 'Why it was refused, or the code of the error it failed with';
create index approval_open on crypto.approval (tenant_id, expires_at) where state in ('proposed', 'executing');
call db.protect_tenant_table('crypto.approval');

create function crypto.keep_decided() returns trigger language plpgsql as $$
begin
  if old.state in ('executed', 'failed', 'refused', 'expired') then
    raise exception 'the proposal is %; nothing about it changes any more', old.state using errcode = '42501';
  end if;
  if (old.state <> 'proposed' and new.state = 'proposed') or (old.state = 'interrupted' and new.state not in ('executed', 'failed'))
    or new.decided_by is distinct from coalesce(old.decided_by, new.decided_by) then
    raise exception 'a proposal is decided and carried out once' using errcode = '42501';
  end if;
  return new;
end
$$;
comment on function crypto.keep_decided() is 'Refuses changes of decided proposals and a second execution';
create trigger approval_keep_decided before update on crypto.approval for each row execute function crypto.keep_decided();
create trigger approval_never_deleted before delete or truncate on crypto.approval for each statement execute function db.refuse_change();

grant select, insert on crypto.approval to gatehouse_app;
grant update (state, decided_by, decided_at, lease_until, finished_at, result, note) on crypto.approval to gatehouse_app;
