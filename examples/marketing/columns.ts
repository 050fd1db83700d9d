import { encodeArray, type ElementType } from './array-parameter.ts';
import type { PlainRow } from './make-rows.ts';

/** Columns of a bulk insert with their types, in the order of its parameters; `plain` is left to the driver. */
export type Columns = Readonly<Record<string, ElementType | 'plain'>>;

/** What `insertContacts` takes. */
export const contactColumns: Columns = Object.freeze({
  id: 'uuid',
  subject_id: 'uuid',
  email: 'bytea',
  email_bidx: 'bytea',
  email_domain_bidx: 'bytea',
  phone: 'bytea',
  phone_bidx: 'bytea',
  first_name: 'bytea',
  last_name: 'bytea',
  city: 'bytea',
  region: 'text',
  country: 'text',
  lifecycle: 'text',
  created_at: 'timestamptz',
  updated_at: 'timestamptz',
});

/** What `insertConsents` takes. */
export const consentColumns: Columns = Object.freeze({
  id: 'uuid',
  subject_id: 'uuid',
  contact_id: 'uuid',
  purpose: 'text',
  status: 'text',
  text_version: 'text',
  channel: 'text',
  given_at: 'timestamptz',
  ip: 'bytea',
});

/** What `insertEvents` takes. */
export const eventColumns: Columns = Object.freeze({
  id: 'uuid',
  subject_id: 'uuid',
  contact_id: 'uuid',
  kind: 'text',
  campaign_id: 'uuid',
  occurred_at: 'timestamptz',
  ip: 'bytea',
  user_agent: 'bytea',
  properties: 'text',
});

/** What `insertCampaigns` takes. */
export const campaignColumns: Columns = Object.freeze({
  id: 'uuid',
  name: 'text',
  status: 'text',
  region: 'text',
  channel: 'text',
  budget: 'plain',
  starts_at: 'timestamptz',
  ends_at: 'timestamptz',
});

/** What `insertAudiences` takes. */
export const audienceColumns: Columns = Object.freeze({
  id: 'uuid',
  campaign_id: 'uuid',
  name: 'text',
  definition: 'plain',
});

/** What `insertMembers` takes. */
export const memberColumns: Columns = Object.freeze({
  id: 'uuid',
  audience_id: 'uuid',
  contact_id: 'uuid',
  added_at: 'timestamptz',
});

/** What `insertInvoices` takes. */
export const invoiceColumns: Columns = Object.freeze({
  id: 'uuid',
  contact_id: 'uuid',
  number: 'text',
  total: 'plain',
  currency: 'text',
  issued_at: 'timestamptz',
  billing_name: 'bytea',
  billing_address: 'bytea',
});

/** Rows turned into one array per column. */
export function columnArrays(columns: Columns, rows: readonly PlainRow[]): unknown[] {
  return Object.entries(columns).map(([name, type]) => {
    const values = rows.map((row) => row[name] ?? null);
    return type === 'plain' ? values : encodeArray(type, values);
  });
}
