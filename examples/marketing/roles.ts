import type { PolicyRule } from '../../policy/index.ts';

const door: PolicyRule = { action: 'gateway.read', subject: 'gateway' };
const ownRegion = { region: '${principal.attributes.region}' };
const contactFields = [
  'id',
  'email',
  'phone',
  'first_name',
  'last_name',
  'city',
  'region',
  'country',
  'lifecycle',
  'owner_id',
  'restricted',
  'created_at',
  'updated_at',
];
const writableContactFields = [
  'email',
  'phone',
  'first_name',
  'last_name',
  'city',
  'region',
  'country',
  'lifecycle',
  'owner_id',
];

const marketer: readonly PolicyRule[] = [
  {
    action: 'read',
    subject: 'contacts.contact',
    fields: contactFields,
    mask: ['email', 'phone'],
    conditions: ownRegion,
    reason: 'marketers see the contacts of their own region, addresses and numbers masked',
  },
  {
    action: 'read',
    subject: 'contacts.contact',
    fields: ['email', 'phone'],
    purposes: ['support'],
    conditions: ownRegion,
    reason: 'who answers a person needs the address and the number',
  },
  {
    action: ['create', 'update'],
    subject: 'contacts.contact',
    fields: writableContactFields,
    conditions: ownRegion,
  },
  {
    action: 'read',
    subject: 'contacts.consent',
    fields: ['id', 'contact_id', 'purpose', 'status', 'text_version', 'channel', 'given_at'],
  },
  {
    action: 'create',
    subject: 'contacts.consent',
    fields: ['contact_id', 'purpose', 'status', 'text_version', 'channel', 'given_at', 'ip'],
  },
  {
    action: 'read',
    subject: 'engagement.event',
    fields: ['id', 'contact_id', 'kind', 'campaign_id', 'occurred_at', 'properties'],
  },
  { action: 'read', subject: ['campaigns.campaign', 'campaigns.audience', 'campaigns.audience_member'] },
  { action: ['create', 'update'], subject: 'campaigns.campaign', conditions: ownRegion },
  { action: ['create', 'update'], subject: 'campaigns.audience' },
  { action: ['create', 'delete'], subject: 'campaigns.audience_member' },
  {
    action: 'read',
    subject: 'campaigns.invoice',
    fields: ['id', 'contact_id', 'number', 'total', 'currency', 'issued_at'],
    reason: 'totals, but never who was billed where',
  },
];

const everything = [
  'contacts.contact',
  'contacts.consent',
  'engagement.event',
  'campaigns.campaign',
  'campaigns.audience',
  'campaigns.audience_member',
  'campaigns.invoice',
];

/**
 * Rules over the marketing data by role; the roles' rules over the guards themselves are policy's own defaults.
 * Security admins and auditors run and check the house and see no contact.
 */
export const marketingRoles: Readonly<Record<string, readonly PolicyRule[]>> = Object.freeze({
  marketer,
  dpo: [
    door,
    { action: 'read', subject: everything, reason: 'a DPO answers for all of it' },
    { action: ['update', 'delete'], subject: 'contacts.contact' },
  ],
  platform_engineer: [
    door,
    {
      action: 'read',
      subject: 'contacts.contact',
      fields: ['id', 'region', 'lifecycle', 'restricted', 'created_at', 'updated_at'],
      reason: 'engineers see that a row is there, not who it is',
    },
    { action: 'read', subject: 'campaigns.campaign' },
  ],
});
