import { statement } from '../../db/index.ts';

// Bulk inserts: $1 is the tenant, then one array per column in the order of columns.ts.

/** Whether the tenant has any contact. */
export const hasContacts = statement(
  'example.has_contacts',
  'select exists (select from marketing_contacts.contact where tenant_id = $1) as present',
);

/** $1 tenant, $2 seed */
export const readBatches = statement(
  'example.read_batches',
  'select batch from examples.generated_batch where tenant_id = $1 and seed = $2',
);

/** $1 tenant, $2 seed, $3 batch, $4 people: of processes that make the same batch at once, one goes on */
export const claimBatch = statement(
  'example.claim_batch',
  `insert into examples.generated_batch (tenant_id, seed, batch, people) values ($1, $2, $3, $4) on conflict do nothing`,
);

export const insertContacts = statement(
  'example.insert_contacts',
  `insert into marketing_contacts.contact (tenant_id, id, subject_id, email, email_bidx, email_domain_bidx, phone, phone_bidx,
     first_name, last_name, city, region, country, lifecycle, created_at, updated_at)
   select $1, * from unnest($2::uuid[], $3::uuid[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bytea[],
     $9::bytea[], $10::bytea[], $11::bytea[], $12::text[], $13::text[], $14::text[], $15::timestamptz[], $16::timestamptz[])`,
);

export const insertConsents = statement(
  'example.insert_consents',
  `insert into marketing_contacts.consent (tenant_id, id, subject_id, contact_id, purpose, status, text_version, channel, given_at, ip)
   select $1, * from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::timestamptz[], $10::bytea[])`,
);

export const insertEvents = statement(
  'example.insert_events',
  `insert into marketing_engagement.event (tenant_id, id, subject_id, contact_id, kind, campaign_id, occurred_at, ip, user_agent, properties)
   select $1, id, subject_id, contact_id, kind, campaign_id, occurred_at, ip, user_agent, properties::jsonb
   from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::timestamptz[], $8::bytea[], $9::bytea[], $10::text[])
     e (id, subject_id, contact_id, kind, campaign_id, occurred_at, ip, user_agent, properties)`,
);

export const insertCampaigns = statement(
  'example.insert_campaigns',
  `insert into marketing_campaigns.campaign (tenant_id, id, name, status, region, channel, budget, starts_at, ends_at)
   select $1, * from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::numeric[], $8::timestamptz[], $9::timestamptz[])
   on conflict do nothing`,
);

export const insertAudiences = statement(
  'example.insert_audiences',
  `insert into marketing_campaigns.audience (tenant_id, id, campaign_id, name, definition)
   select $1, * from unnest($2::uuid[], $3::uuid[], $4::text[], $5::jsonb[])
   on conflict do nothing`,
);

export const insertMembers = statement(
  'example.insert_members',
  `insert into marketing_campaigns.audience_member (tenant_id, id, audience_id, contact_id, added_at)
   select $1, * from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[])`,
);

export const insertInvoices = statement(
  'example.insert_invoices',
  `insert into marketing_campaigns.invoice (tenant_id, id, contact_id, number, total, currency, issued_at, billing_name, billing_address)
   select $1, * from unnest($2::uuid[], $3::uuid[], $4::text[], $5::numeric[], $6::text[], $7::timestamptz[], $8::bytea[], $9::bytea[])`,
);
