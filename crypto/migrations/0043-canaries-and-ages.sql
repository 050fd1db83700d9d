-- Poison rows: keys that nothing of ours ever opens. And the ages of keys, for the cryptoperiod report.

alter table crypto.dek add column poison boolean not null default false;
comment on column crypto.dek.poison is 'Key of a canary: whoever opens what it sealed raises an alert, and sees an ordinary value';
grant update (poison) on crypto.dek to gatehouse_app;
create index dek_age on crypto.dek (tenant_id, created_at) where state = 'active';

create table crypto.canary (
  tenant_id uuid not null,
  id uuid not null,
  kid bytea not null check (octet_length(kid) = 8),
  label text not null check (length(label) between 1 and 200),
  collection text not null check (length(collection) between 3 and 300),
  row_id text not null check (length(row_id) between 1 and 200),
  planted_by text not null check (length(planted_by) between 1 and 200),
  planted_at timestamptz not null,
  opened bigint not null default 0 check (opened >= 0),
  last_opened_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, kid) references crypto.dek (tenant_id, kid)
);
comment on table crypto.canary is 'Canary ciphertexts: nobody has a reason to open them, so an opening is an alert';
comment on column crypto.canary.label is 'What the operator calls it; no personal data';
comment on column crypto.canary.row_id is 'Id of the row that the ciphertext is bound to';
comment on column crypto.canary.opened is 'Alerts so far; openings within a minute of one are one alert';
create index canary_kid on crypto.canary (tenant_id, kid);
call db.protect_tenant_table('crypto.canary');
grant select, insert on crypto.canary to gatehouse_app;
grant update (opened, last_opened_at) on crypto.canary to gatehouse_app;

create index dek_poison on crypto.dek (tenant_id, subject_id) where poison;
create function crypto.inherit_poison() returns trigger language plpgsql as $$
begin
  update crypto.dek d set poison = true from added a
  where d.tenant_id = a.tenant_id and d.kid = a.kid and a.subject_id is not null and a.state <> 'shredded'
    and exists (select from crypto.dek p where p.tenant_id = a.tenant_id and p.subject_id = a.subject_id and p.poison);
  return null;
end
$$;
comment on function crypto.inherit_poison() is 'A new key of a canary is the key of a canary';
create trigger dek_inherit_poison after insert on crypto.dek
  referencing new table as added for each statement execute function crypto.inherit_poison();
