-- The contacts service: people and their consents. Personal columns hold CT1 ciphertext under the person's own key.

create table marketing_contacts.contact (
  tenant_id uuid not null,
  id uuid not null,
  subject_id uuid not null,
  email bytea not null,
  email_bidx bytea,
  email_domain_bidx bytea,
  phone bytea,
  phone_bidx bytea,
  first_name bytea,
  last_name bytea,
  city bytea,
  region text not null check (region in ('emea', 'amer', 'apac')),
  country text not null check (length(country) = 2),
  lifecycle text not null default 'lead' check (lifecycle in ('subscriber', 'lead', 'opportunity', 'customer', 'churned')),
  owner_id uuid,
  restricted boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id)
);
comment on table marketing_contacts.contact is 'One row per person and tenant; personal columns are ciphertext';
comment on column marketing_contacts.contact.subject_id is 'Names the person for keys, requests and the trail';
comment on column marketing_contacts.contact.email_bidx is 'Keyed index of the whole normalised address';
comment on column marketing_contacts.contact.email_domain_bidx is 'Keyed index of the address''s domain';
comment on column marketing_contacts.contact.phone_bidx is 'Keyed index of the E.164 number';
comment on column marketing_contacts.contact.restricted is 'True while processing is restricted (GDPR Art. 18)';
create index contact_subject on marketing_contacts.contact (tenant_id, subject_id);
create index contact_email on marketing_contacts.contact (tenant_id, email_bidx);
create index contact_email_domain on marketing_contacts.contact (tenant_id, email_domain_bidx);
create index contact_phone on marketing_contacts.contact (tenant_id, phone_bidx);
create index contact_region on marketing_contacts.contact (tenant_id, region, id);
create index contact_created on marketing_contacts.contact (tenant_id, created_at, id);
call db.protect_tenant_table('marketing_contacts.contact');

create table marketing_contacts.consent (
  tenant_id uuid not null,
  id uuid not null,
  subject_id uuid not null,
  contact_id uuid not null,
  purpose text not null check (length(purpose) between 1 and 100),
  status text not null check (status in ('given', 'refused', 'withdrawn')),
  text_version text not null check (length(text_version) between 1 and 50),
  channel text not null check (channel in ('web', 'mobile', 'paper', 'phone', 'import')),
  given_at timestamptz not null,
  ip bytea,
  primary key (tenant_id, id),
  foreign key (tenant_id, contact_id) references marketing_contacts.contact (tenant_id, id)
);
comment on table marketing_contacts.consent is 'What a contact agreed to or refused; rows are added, never changed';
comment on column marketing_contacts.consent.text_version is 'Which wording the person saw';
comment on column marketing_contacts.consent.ip is 'Ciphertext of the address the answer came from';
create index consent_contact on marketing_contacts.consent (tenant_id, contact_id);
create index consent_subject on marketing_contacts.consent (tenant_id, subject_id);
call db.protect_tenant_table('marketing_contacts.consent');

grant usage on schema marketing_contacts to gatehouse_app;
grant select, insert, update, delete on marketing_contacts.contact, marketing_contacts.consent to gatehouse_app;
