-- The engagement service: what contacts did. Address and device are CT1 ciphertext under the person's own key.

create table marketing_engagement.event (
  tenant_id uuid not null,
  id uuid not null,
  subject_id uuid not null,
  contact_id uuid not null,
  kind text not null check (kind in ('email_sent', 'email_opened', 'link_clicked', 'page_viewed', 'purchased', 'unsubscribed')),
  campaign_id uuid,
  occurred_at timestamptz not null,
  ip bytea,
  user_agent bytea,
  properties jsonb,
  primary key (tenant_id, id)
);
comment on table marketing_engagement.event is 'One thing a contact did; contact and campaign belong to other services, so no foreign keys';
comment on column marketing_engagement.event.properties is 'Page, link or product; never a name or an address';
create index event_subject on marketing_engagement.event (tenant_id, subject_id);
create index event_contact on marketing_engagement.event (tenant_id, contact_id, occurred_at);
create index event_campaign on marketing_engagement.event (tenant_id, campaign_id, occurred_at);
create index event_occurred on marketing_engagement.event (tenant_id, occurred_at, id);
call db.protect_tenant_table('marketing_engagement.event');

grant usage on schema marketing_engagement to gatehouse_app;
grant select, insert, update, delete on marketing_engagement.event to gatehouse_app;
