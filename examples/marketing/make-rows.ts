import { uuidv7 } from '../../kernel/index.ts';
import { makeCampaigns } from './make-campaigns.ts';
import { makePerson, type MadeUpPerson } from './people.ts';
import type { SeededRandom } from './random.ts';

/** A row before it is sealed. */
export type PlainRow = Readonly<Record<string, unknown>>;

/** Campaigns and audiences that people are put into. */
export type CampaignRows = {
  readonly campaigns: readonly PlainRow[];
  readonly audiences: readonly PlainRow[];
};

/** Rows of a batch of people. */
export type PeopleRows = {
  readonly contacts: readonly PlainRow[];
  readonly consents: readonly PlainRow[];
  readonly events: readonly PlainRow[];
  readonly members: readonly PlainRow[];
  readonly invoices: readonly PlainRow[];
};

const dayMilliseconds = 86_400_000;
const kinds = Object.freeze([
  'email_sent',
  'email_opened',
  'link_clicked',
  'page_viewed',
  'purchased',
  'unsubscribed',
] as const);
const pages = Object.freeze([
  '/',
  '/pricing',
  '/products/kettle',
  '/products/lamp',
  '/blog/care-guide',
  '/support',
]);
const agents = Object.freeze([
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0',
]);
const lifecycles = Object.freeze([
  'subscriber',
  'lead',
  'lead',
  'opportunity',
  'customer',
  'customer',
  'churned',
]);
// RFC 5737: documentation addresses.
const networks = Object.freeze(['192.0.2', '198.51.100', '203.0.113']);

/** A source of rows: the same seed and the same end of time give the same rows. */
export type RowMaker = {
  readonly campaigns: (count: number) => CampaignRows;
  /** @param first - number of the first person @param signedUp - when; the last 1,200 days when left out */
  readonly people: (first: number, count: number, around: CampaignRows, signedUp?: DaysAgo) => PeopleRows;
};

/** A span of time, in days before `now`. */
export type DaysAgo = { readonly from: number; readonly to: number };

/** How far back people have signed up. */
export const everybody: DaysAgo = Object.freeze({ from: 1_200, to: 0 });

type Source = { readonly random: SeededRandom; readonly now: Date };

/** @param now - the youngest thing that happened */
export function createRowMaker(random: SeededRandom, now: Date): RowMaker {
  const source = { random, now };
  return Object.freeze({
    campaigns: (count: number) => makeCampaigns(random, now, count),
    people: (first: number, count: number, around: CampaignRows, signedUp: DaysAgo = everybody) =>
      makePeople({ ...source, signedUp }, first, count, around),
  });
}

const within = ({ random, now }: Source, { from, to }: DaysAgo): Date =>
  new Date(now.getTime() - Math.round(to * dayMilliseconds) - random.below((from - to) * dayMilliseconds));
const past = ({ random, now }: Source, days: number): Date =>
  new Date(now.getTime() - random.below(days * dayMilliseconds));
const newId = ({ random }: Source, at: Date): string => uuidv7(at.getTime(), random.bytes);
const address = ({ random }: Source): string => `${random.pick(networks)}.${1 + random.below(254)}`;

function makePeople(
  source: Source & { readonly signedUp: DaysAgo },
  first: number,
  count: number,
  around: CampaignRows,
): PeopleRows {
  const { random } = source;
  const rows = {
    contacts: [] as PlainRow[],
    consents: [] as PlainRow[],
    events: [] as PlainRow[],
    members: [] as PlainRow[],
    invoices: [] as PlainRow[],
  };
  const audiences = Map.groupBy(around.audiences, (audience) => audience['region']);
  for (let number = first; number < first + count; number += 1) {
    const person = makePerson(random, number);
    const created = within(source, source.signedUp);
    const contact = contactOf(source, person, created);
    rows.contacts.push(contact);
    rows.consents.push(consentOf(source, contact, 'marketing', created));
    if (random.chance(0.4)) rows.consents.push(consentOf(source, contact, 'analytics', created));
    for (let times = random.below(4); times > 0; times -= 1)
      rows.events.push(eventOf(source, contact, around));
    const audience = audiences.get(person.region);
    if (audience !== undefined && random.chance(0.5))
      rows.members.push({
        id: newId(source, created),
        audience_id: random.pick(audience)['id'],
        contact_id: contact['id'],
        added_at: created,
      });
    if (random.chance(0.1)) rows.invoices.push(invoiceOf(source, contact, person, number));
  }
  return rows;
}

function contactOf(source: Source, person: MadeUpPerson, created: Date): PlainRow {
  const { firstName, lastName, email, phone, city, region, country } = person;
  return {
    id: newId(source, created),
    subject_id: newId(source, created),
    email,
    phone,
    first_name: firstName,
    last_name: lastName,
    city,
    region,
    country,
    lifecycle: source.random.pick(lifecycles),
    created_at: created,
    updated_at: created,
  };
}

function consentOf(source: Source, contact: PlainRow, purpose: string, given: Date): PlainRow {
  const { random } = source;
  return {
    id: newId(source, given),
    subject_id: contact['subject_id'],
    contact_id: contact['id'],
    purpose,
    status: random.chance(0.85) ? 'given' : random.pick(['refused', 'withdrawn']),
    text_version: random.pick(['2024-05', '2025-01', '2026-03']),
    channel: random.pick(['web', 'web', 'mobile', 'paper', 'import']),
    given_at: given,
    ip: address(source),
  };
}

function eventOf(source: Source, contact: PlainRow, around: CampaignRows): PlainRow {
  const { random } = source;
  const occurred = past(source, 300);
  const kind = random.pick(kinds);
  return {
    id: newId(source, occurred),
    subject_id: contact['subject_id'],
    contact_id: contact['id'],
    kind,
    campaign_id: random.chance(0.7) ? random.pick(around.campaigns)['id'] : null,
    occurred_at: occurred,
    ip: address(source),
    user_agent: random.pick(agents),
    properties: JSON.stringify(
      kind === 'purchased' ? { items: 1 + random.below(4) } : { page: random.pick(pages) },
    ),
  };
}

function invoiceOf(source: Source, contact: PlainRow, person: MadeUpPerson, number: number): PlainRow {
  const { random } = source;
  const issued = past(source, 300);
  return {
    id: newId(source, issued),
    contact_id: contact['id'],
    number: `INV-${String(number).padStart(7, '0')}`,
    total: `${5 + random.below(900)}.${String(random.below(100)).padStart(2, '0')}`,
    currency: person.region === 'emea' ? 'EUR' : 'USD',
    issued_at: issued,
    billing_name: `${person.firstName} ${person.lastName}`,
    billing_address: person.address,
  };
}
