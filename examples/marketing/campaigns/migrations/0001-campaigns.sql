-- The campaigns service. Invoices are kept for tax, so their personal columns are ciphertext under the tenant's `tax` key.

create table marketing_campaigns.campaign (
  tenant_id uuid not null,
  id uuid not null,
  name text not null check (length(name) between 1 and 200),
  status text not null default 'draft' check (status in ('draft', 'scheduled', 'running', 'paused', 'finished')),
  region text not null check (region in ('emea', 'amer', 'apac')),
  channel text not null check (channel in ('email', 'sms', 'push', 'ads')),
  budget numeric(12, 2),
  starts_at timestamptz,
  ends_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id)
);
comment on table marketing_campaigns.campaign is 'A planned or running campaign; holds no personal data';
create index campaign_region on marketing_campaigns.campaign (tenant_id, region, id);
call db.protect_tenant_table('marketing_campaigns.campaign');

create table marketing_campaigns.audience (
  tenant_id uuid not null,
  id uuid not null,
  campaign_id uuid not null,
  name text not null check (length(name) between 1 and 200),
  definition jsonb not null default '{}',
  primary key (tenant_id, id),
  foreign key (tenant_id, campaign_id) references marketing_campaigns.campaign (tenant_id, id)
);
comment on table marketing_campaigns.audience is 'Who a campaign speaks to';
comment on column marketing_campaigns.audience.definition is 'The rule that picked the members; never a name or an address';
create index audience_campaign on marketing_campaigns.audience (tenant_id, campaign_id);
call db.protect_tenant_table('marketing_campaigns.audience');

create table marketing_campaigns.audience_member (
  tenant_id uuid not null,
  id uuid not null,
  audience_id uuid not null,
  contact_id uuid not null,
  added_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, audience_id, contact_id),
  foreign key (tenant_id, audience_id) references marketing_campaigns.audience (tenant_id, id)
);
comment on table marketing_campaigns.audience_member is 'A contact in an audience; the contact belongs to another service';
create index audience_member_contact on marketing_campaigns.audience_member (tenant_id, contact_id);
call db.protect_tenant_table('marketing_campaigns.audience_member');

create table marketing_campaigns.invoice (
  tenant_id uuid not null,
  id uuid not null,
  contact_id uuid not null,
  number text not null check (length(number) between 1 and 40),
  total numeric(12, 2) not null,
  currency text not null default 'EUR' check (length(currency) = 3),
  issued_at timestamptz not null,
  billing_name bytea not null,
  billing_address bytea,
  primary key (tenant_id, id),
  unique (tenant_id, number)
);
comment on table marketing_campaigns.invoice is 'What a contact was billed; outlives the contact for tax';
comment on column marketing_campaigns.invoice.contact_id is 'A contact of the contacts service; may point nowhere after an erasure';
comment on column marketing_campaigns.invoice.billing_name is 'Ciphertext under the tenant''s tax key';
create index invoice_contact on marketing_campaigns.invoice (tenant_id, contact_id);
create index invoice_issued on marketing_campaigns.invoice (tenant_id, issued_at, id);
call db.protect_tenant_table('marketing_campaigns.invoice');

grant usage on schema marketing_campaigns to gatehouse_app;
grant select, insert, update, delete on marketing_campaigns.campaign, marketing_campaigns.audience,
  marketing_campaigns.audience_member to gatehouse_app;
-- Retention purges expired invoices and a person may have a wrong address corrected.
grant select, insert, update, delete on marketing_campaigns.invoice to gatehouse_app;
