import type { Crypto } from '../../crypto/index.ts';
import { encryptionPlan, type CollectionMap } from '../../datamap/index.ts';
import type { Database, Statement, Tx } from '../../db/index.ts';
import type { Clock, TenantId } from '../../kernel/index.ts';
import {
  audienceColumns,
  campaignColumns,
  columnArrays,
  consentColumns,
  contactColumns,
  eventColumns,
  invoiceColumns,
  memberColumns,
  type Columns,
} from './columns.ts';
import { loadBuiltInDataMap } from './data-map.ts';
import {
  createRowMaker,
  everybody,
  type CampaignRows,
  type DaysAgo,
  type PeopleRows,
  type PlainRow,
} from './make-rows.ts';
import { createSeededRandom } from './random.ts';
import {
  claimBatch,
  hasContacts,
  insertAudiences,
  insertCampaigns,
  insertConsents,
  insertContacts,
  insertEvents,
  insertInvoices,
  insertMembers,
  readBatches,
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

/** People per transaction: a batch is there whole or not at all. */
const batchSize = 1_000;
/** One batch is sealed here while PostgreSQL stores the other. */
const lanes = 2;
const statementTimeoutMilliseconds = 120_000;
/** Where generated time ends when no clock is given, so that a seed alone decides the rows. */
const defaultNow = new Date('2026-11-01T12:00:00.000Z');

type Run = GenerateInput & { readonly now: Date; readonly around: CampaignRows };

/**
 * Fills a tenant's marketing services with made-up people. Goes on where an interrupted run stopped, and does nothing
 * when all batches are there or the tenant's contacts came from somewhere else.
 *
 * @returns how many contacts were made by this call
 */
export async function generateMarketingData(input: GenerateInput): Promise<{ readonly created: number }> {
  const { crypto, tenantId, contacts, seed, clock } = input;
  if (!Number.isInteger(contacts) || contacts < 0 || contacts > 10_000_000) {
    throw new RangeError(`${contacts} contacts: must be a whole number from 0 to 10,000,000`);
  }
  const now = clock?.now() ?? defaultNow;
  const maker = createRowMaker(createSeededRandom(`gatehouse marketing ${seed}`), now);
  const around = maker.campaigns(Math.min(60, Math.max(6, Math.ceil(contacts / 2_000))));
  const run = { ...input, now, around };
  await crypto.warm(tenantId);
  const missing = await inTransaction(run, (tx) => prepare(tx, run));
  let created = 0;
  let failed = false;
  const lane = async (): Promise<void> => {
    for (let batch = missing.shift(); batch !== undefined && !failed; batch = missing.shift()) {
      const made = await makeBatch(run, batch).catch((error: unknown) => {
        failed = true;
        throw error;
      });
      created += made; // not in one expression with the await: the other lane adds meanwhile
      input.onProgress?.({ created, contacts });
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: lanes }, lane));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
  return { created };
}

function inTransaction<T>({ database, tenantId }: Run, work: (tx: Tx) => Promise<T>): Promise<T> {
  return database.withTenant(tenantId, work, { statementTimeoutMilliseconds });
}

/** @returns the numbers of the batches to make */
async function prepare(tx: Tx, { contacts, seed, around }: Run): Promise<number[]> {
  const { rows } = await tx.query<{ batch: number }>(readBatches, [tx.tenantId, seed]);
  const done = new Set(rows.map(({ batch }) => batch));
  const { rows: present } = await tx.query<{ present: boolean }>(hasContacts, [tx.tenantId]);
  if (done.size === 0 && present[0]?.present === true) return [];
  const missing = Array.from({ length: Math.ceil(contacts / batchSize) }, (_, batch) => batch).filter(
    (batch) => !done.has(batch),
  );
  if (missing.length === 0) return [];
  await insert(tx, insertCampaigns, campaignColumns, around.campaigns);
  await insert(tx, insertAudiences, audienceColumns, around.audiences);
  return missing;
}

/** The batch's number decides its people, so that it does not matter which run makes it. */
async function makeBatch(run: Run, batch: number): Promise<number> {
  const { contacts, seed, now, around } = run;
  const first = batch * batchSize;
  const count = Math.min(batchSize, contacts - first);
  const maker = createRowMaker(createSeededRandom(`gatehouse marketing ${seed} batch ${batch}`), now);
  const rows = maker.people(first + 1, count, around, timeOf(batch, Math.ceil(contacts / batchSize)));
  return inTransaction(run, async (tx) => {
    const { rowCount } = await tx.query(claimBatch, [tx.tenantId, seed, batch, count]);
    if (rowCount === 0) return 0; // another process has made it
    await insertPeople(tx, run.crypto, rows);
    return count;
  });
}

/** Later people signed up later: the ids of a batch then stand side by side in the indexes. */
function timeOf(batch: number, batches: number): DaysAgo {
  const days = everybody.from / batches;
  return { from: everybody.from - batch * days, to: everybody.from - (batch + 1) * days };
}

async function insertPeople(tx: Tx, crypto: Pick<Crypto, 'sealRows'>, rows: PeopleRows): Promise<void> {
  const sealed = (type: string, plain: readonly PlainRow[]): Promise<readonly PlainRow[]> =>
    crypto.sealRows(tx, planOf(type), plain);
  await insert(tx, insertContacts, contactColumns, await sealed('contacts.contact', rows.contacts));
  await insert(tx, insertConsents, consentColumns, await sealed('contacts.consent', rows.consents));
  await insert(tx, insertEvents, eventColumns, await sealed('engagement.event', rows.events));
  await insert(tx, insertMembers, memberColumns, rows.members);
  await insert(tx, insertInvoices, invoiceColumns, await sealed('campaigns.invoice', rows.invoices));
}

async function insert(
  tx: Tx,
  statement: Statement,
  columns: Columns,
  rows: readonly PlainRow[],
): Promise<void> {
  if (rows.length > 0) await tx.query(statement, [tx.tenantId, ...columnArrays(columns, rows)]);
}

const map = loadBuiltInDataMap();

function planOf(type: string): ReturnType<typeof encryptionPlan> {
  const collection: CollectionMap | null = map.collection(type);
  if (collection === null) throw new RangeError(`no collection "${type}"`);
  return encryptionPlan(collection);
}
