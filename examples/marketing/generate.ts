import type { Crypto } from '../../crypto/index.ts';
import { encryptionPlan, type CollectionMap } from '../../datamap/index.ts';
import type { Database, Statement, Tx } from '../../db/index.ts';
import type { Clock, TenantId } from '../../kernel/index.ts';
import { loadBuiltInDataMap } from './data-map.ts';
import { createRowMaker, type CampaignRows, type PeopleRows, type PlainRow } from './make-rows.ts';
import { createSeededRandom } from './random.ts';
import {
  hasContacts,
  insertAudiences,
  insertCampaigns,
  insertConsents,
  insertContacts,
  insertEvents,
  insertInvoices,
  insertMembers,
} from './store.ts';

/** What is generated, for whom. */
export type GenerateInput = {
  readonly database: Database;
  readonly crypto: Pick<Crypto, 'sealRows' | 'warm'>;
  readonly tenantId: TenantId;
  /** 0 to 10,000,000 people. */
  readonly contacts: number;
  /** The same seed gives the same people. */
  readonly seed: string;
  readonly clock?: Clock;
  readonly onProgress?: (progress: { readonly created: number; readonly contacts: number }) => void;
};

const batchSize = 2_000;
/** Where generated time ends when no clock is given, so that a seed alone decides the rows. */
const defaultNow = new Date('2026-11-01T12:00:00.000Z');

const columns = Object.freeze({
  contact: [
    'id',
    'subject_id',
    'email',
    'email_bidx',
    'email_domain_bidx',
    'phone',
    'phone_bidx',
    'first_name',
    'last_name',
    'city',
    'region',
    'country',
    'lifecycle',
    'created_at',
    'updated_at',
  ],
  consent: [
    'id',
    'subject_id',
    'contact_id',
    'purpose',
    'status',
    'text_version',
    'channel',
    'given_at',
    'ip',
  ],
  event: [
    'id',
    'subject_id',
    'contact_id',
    'kind',
    'campaign_id',
    'occurred_at',
    'ip',
    'user_agent',
    'properties',
  ],
  campaign: ['id', 'name', 'status', 'region', 'channel', 'budget', 'starts_at', 'ends_at'],
  audience: ['id', 'campaign_id', 'name', 'definition'],
  member: ['id', 'audience_id', 'contact_id', 'added_at'],
  invoice: [
    'id',
    'contact_id',
    'number',
    'total',
    'currency',
    'issued_at',
    'billing_name',
    'billing_address',
  ],
});

/**
 * Fills a tenant's marketing services with made-up people. Does nothing when the tenant has contacts.
 *
 * @returns how many contacts were made
 */
export async function generateMarketingData(input: GenerateInput): Promise<{ readonly created: number }> {
  const { database, crypto, tenantId, contacts, seed, clock } = input;
  if (!Number.isInteger(contacts) || contacts < 0 || contacts > 10_000_000) {
    throw new RangeError(`${contacts} contacts: must be a whole number from 0 to 10,000,000`);
  }
  await crypto.warm(tenantId);
  const maker = createRowMaker(createSeededRandom(`gatehouse marketing ${seed}`), clock?.now() ?? defaultNow);
  const around = maker.campaigns(Math.min(60, Math.max(6, Math.ceil(contacts / 2_000))));
  let created = 0;
  while (created < contacts) {
    const rows = maker.people(created + 1, Math.min(batchSize, contacts - created), around);
    const first = created === 0;
    const inserted = await database.withTenant(
      tenantId,
      async (tx) => {
        if (first && (await isFilled(tx))) return false;
        if (first) await insertAround(tx, around);
        await insertPeople(tx, crypto, rows);
        return true;
      },
      { statementTimeoutMilliseconds: 120_000 },
    );
    if (!inserted) return { created: 0 };
    created += rows.contacts.length;
    input.onProgress?.({ created, contacts });
  }
  return { created };
}

async function isFilled(tx: Tx): Promise<boolean> {
  const { rows } = await tx.query<{ present: boolean }>(hasContacts, [tx.tenantId]);
  return rows[0]?.present === true;
}

async function insertAround(tx: Tx, { campaigns, audiences }: CampaignRows): Promise<void> {
  await insert(tx, insertCampaigns, columns.campaign, campaigns);
  await insert(tx, insertAudiences, columns.audience, audiences);
}

async function insertPeople(tx: Tx, crypto: Pick<Crypto, 'sealRows'>, rows: PeopleRows): Promise<void> {
  const sealed = (type: string, plain: readonly PlainRow[]): Promise<readonly PlainRow[]> =>
    crypto.sealRows(tx, planOf(type), plain);
  await insert(tx, insertContacts, columns.contact, await sealed('contacts.contact', rows.contacts));
  await insert(tx, insertConsents, columns.consent, await sealed('contacts.consent', rows.consents));
  await insert(tx, insertEvents, columns.event, await sealed('engagement.event', rows.events));
  await insert(tx, insertMembers, columns.member, rows.members);
  await insert(tx, insertInvoices, columns.invoice, await sealed('campaigns.invoice', rows.invoices));
}

async function insert(
  tx: Tx,
  statement: Statement,
  names: readonly string[],
  rows: readonly PlainRow[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(statement, [tx.tenantId, ...names.map((name) => rows.map((row) => row[name] ?? null))]);
}

const map = loadBuiltInDataMap();

function planOf(type: string): ReturnType<typeof encryptionPlan> {
  const collection: CollectionMap | null = map.collection(type);
  if (collection === null) throw new RangeError(`no collection "${type}"`);
  return encryptionPlan(collection);
}
