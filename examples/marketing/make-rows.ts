import { uuidv7 } from '../../kernel/index.ts';
import { makePerson } from './people.ts';
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
const regions = Object.freeze(['emea', 'amer', 'apac'] as const);
const themes = Object.freeze([
  'Spring launch',
  'Summer sale',
  'Back to school',
  'Loyalty thanks',
  'Winter warm-up',
  'New arrivals',
  'Win back',
  'Product tour',
]);
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

/** A source of rows: the same seed and the same end of time give the same rows. */
export type RowMaker = {
  readonly campaigns: (count: number) => CampaignRows;
  /** @param first - number of the first person */
  readonly people: (first: number, count: number, around: CampaignRows) => PeopleRows;
};

/** @param now - the youngest thing that happened */
export function createRowMaker(random: SeededRandom, now: Date): RowMaker {
  const newId = (at: Date): string => uuidv7(at.getTime(), random.bytes);
  const past = (days: number): Date => new Date(now.getTime() - random.below(days * dayMilliseconds));
  // RFC 5737: documentation addresses.
  const address = (): string =>
    `${random.pick(['192.0.2', '198.51.100', '203.0.113'])}.${1 + random.below(254)}`;

  const campaigns = (count: number): CampaignRows => {
    const made = Array.from({ length: count }, (_, number) => {
      const starts = past(400);
      const region = regions[number % regions.length] ?? 'emea';
      const name = `${random.pick(themes)} ${region.toUpperCase()} ${number + 1}`;
      const status = random.pick(['draft', 'scheduled', 'running', 'paused', 'finished']);
      const ends = new Date(starts.getTime() + 30 * dayMilliseconds);
      return {
        id: newId(starts),
        name,
        status,
        region,
        channel: random.pick(['email', 'email', 'sms', 'push', 'ads']),
        budget: `${(1 + random.below(80)) * 500}.00`,
        starts_at: starts,
        ends_at: ends,
      };
    });
    const audiences = made.map(({ id, region, starts_at: starts }) => ({
      id: newId(starts),
      campaign_id: id,
      name: `Active ${region.toUpperCase()}`,
      definition: JSON.stringify({ region, lifecycle: ['lead', 'customer'] }),
      region,
    }));
    return { campaigns: made, audiences };
  };

  const eventOf = (contact: PlainRow, around: CampaignRows): PlainRow => {
    const occurred = past(300);
    const kind = random.pick(kinds);
    return {
      id: newId(occurred),
      subject_id: contact['subject_id'],
      contact_id: contact['id'],
      kind,
      campaign_id: random.chance(0.7) ? random.pick(around.campaigns)['id'] : null,
      occurred_at: occurred,
      ip: address(),
      user_agent: random.pick(agents),
      properties: JSON.stringify(
        kind === 'purchased' ? { items: 1 + random.below(4) } : { page: random.pick(pages) },
      ),
    };
  };

  const consentOf = (contact: PlainRow, purpose: string, given: Date): PlainRow => ({
    id: newId(given),
    subject_id: contact['subject_id'],
    contact_id: contact['id'],
    purpose,
    status: random.chance(0.85) ? 'given' : random.pick(['refused', 'withdrawn']),
    text_version: random.pick(['2024-05', '2025-01', '2026-03']),
    channel: random.pick(['web', 'web', 'mobile', 'paper', 'import']),
    given_at: given,
    ip: address(),
  });

  const people = (first: number, count: number, around: CampaignRows): PeopleRows => {
    const rows = {
      contacts: [] as PlainRow[],
      consents: [] as PlainRow[],
      events: [] as PlainRow[],
      members: [] as PlainRow[],
      invoices: [] as PlainRow[],
    };
    for (let number = first; number < first + count; number += 1) {
      const person = makePerson(random, number);
      const created = past(1_200);
      const { firstName, lastName, email, phone, city, region, country } = person;
      const contact = {
        id: newId(created),
        subject_id: newId(created),
        email,
        phone,
        first_name: firstName,
        last_name: lastName,
        city,
        region,
        country,
        lifecycle: random.pick(lifecycles),
        created_at: created,
        updated_at: created,
      };
      rows.contacts.push(contact);
      rows.consents.push(consentOf(contact, 'marketing', created));
      if (random.chance(0.4)) rows.consents.push(consentOf(contact, 'analytics', created));
      for (let times = random.below(4); times > 0; times -= 1) rows.events.push(eventOf(contact, around));
      const audience = random.chance(0.5)
        ? around.audiences.find((one) => one['region'] === region)
        : undefined;
      if (audience !== undefined)
        rows.members.push({
          id: newId(created),
          audience_id: audience['id'],
          contact_id: contact.id,
          added_at: created,
        });
      if (random.chance(0.1)) {
        const issued = past(300);
        const total = `${5 + random.below(900)}.${String(random.below(100)).padStart(2, '0')}`;
        rows.invoices.push({
          id: newId(issued),
          contact_id: contact.id,
          number: `INV-${String(number).padStart(7, '0')}`,
          total,
          currency: region === 'emea' ? 'EUR' : 'USD',
          issued_at: issued,
          billing_name: `${firstName} ${lastName}`,
          billing_address: person.address,
        });
      }
    }
    return rows;
  };
  return Object.freeze({ campaigns, people });
}
