import { exactlyOne, type Tx } from '../../../db/index.ts';
import { invalidRequest, platformTenantId, type Clock } from '../../../kernel/index.ts';
import { scheduleOf } from '../../erasure/schedule.ts';
import { inventoryKinds, type Cryptoperiods, type InventoryKind } from './cryptoperiods.ts';
import {
  countOverdueKeys,
  inventoryCertificateKeys,
  inventoryDataKeys,
  inventorySigningKeys,
  inventoryTenantKeys,
} from './store.ts';

/** One key as an auditor reads it; no personal data. */
export type InventoryKey = {
  readonly kind: InventoryKind;
  readonly id: string;
  /** What it is for: an epoch, a purpose, "one person". */
  readonly scope: string;
  readonly state: string;
  readonly owner: 'platform' | 'tenant';
  /** Who holds the root above it. */
  readonly provider: string;
  readonly createdAt: Date;
  readonly ageDays: number;
  /** Messages sealed, or keys wrapped; null where nobody counts. */
  readonly uses: number | null;
  readonly cryptoperiodDays: number;
  /** When another takes its place, at the latest; null for one that seals no more. */
  readonly nextRotation: Date | null;
  readonly overdue: boolean;
};

/** A page and where the next begins. */
export type InventoryPage = { readonly items: readonly InventoryKey[]; readonly next: string | null };

/** Which keys. */
export type InventoryQuery = {
  readonly cursor: string | null;
  /** 1..1,000 */
  readonly limit: number;
  readonly kind: InventoryKind | null;
  readonly state: string | null;
  readonly overdueOnly: boolean;
};

/** Every key of a tenant, and which of them are overdue. */
export type KeyInventory = {
  readonly page: (tx: Tx, query: InventoryQuery) => Promise<InventoryPage>;
  readonly overdue: (tx: Tx) => Promise<Readonly<Record<InventoryKind, number>>>;
};

type Row = {
  readonly id: string;
  readonly scope: string;
  readonly state: string;
  readonly provider: string;
  readonly created_at: Date;
  readonly uses: number | null;
};

const dayMilliseconds = 86_400_000;
/** How an id of each kind looks. */
const cursorForms: Readonly<Record<InventoryKind, RegExp>> = {
  tenant_key: /^\d{10}$/,
  purpose_key: /^[0-9a-f]{16}$/,
  person_key: /^[0-9a-f]{16}$/,
  signing_key: /^/,
  certificate_key: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
};
const cursorForm = /^(tenant_key|purpose_key|person_key|signing_key|certificate_key):([a-z0-9_-]{0,64})$/;

/** Makes the part. */
export function createKeyInventory(deps: {
  readonly clock: Clock;
  readonly cryptoperiods: Cryptoperiods;
}): KeyInventory {
  const { clock, cryptoperiods } = deps;
  const cutoff = (kind: InventoryKind): Date =>
    new Date(clock.now().getTime() - cryptoperiods[kind] * dayMilliseconds);
  return Object.freeze({
    page: (tx: Tx, query: InventoryQuery) => readPage(tx, query, { cutoff, cryptoperiods, now: clock.now() }),
    overdue: async (tx: Tx) => {
      const values = [tx.tenantId, ...inventoryKinds.map(cutoff)];
      return exactlyOne(await tx.query<Record<InventoryKind, number>>(countOverdueKeys, values), 'count');
    },
  } satisfies KeyInventory);
}

type Facts = {
  readonly cutoff: (kind: InventoryKind) => Date;
  readonly cryptoperiods: Cryptoperiods;
  readonly now: Date;
};

/** Kind after kind, each by its own key; a page may end in one and begin the next. */
async function readPage(tx: Tx, query: InventoryQuery, facts: Facts): Promise<InventoryPage> {
  const from = readCursor(query.cursor);
  const { rotateEveryDays } = await scheduleOf(tx);
  const kinds = query.kind === null ? inventoryKinds : [query.kind];
  const items: InventoryKey[] = [];
  for (const kind of kinds.slice(Math.max(0, from === null ? 0 : kinds.indexOf(from.kind)))) {
    const after = from?.kind === kind ? from.after : null;
    const wanted = query.limit + 1 - items.length;
    const before = query.overdueOnly ? facts.cutoff(kind) : null;
    const rows = await readKind(tx, kind, [tx.tenantId, after, wanted, before, query.state]);
    items.push(...rows.map((row) => keyOf(tx, kind, row, { ...facts, rotateEveryDays })));
    if (items.length > query.limit) break;
  }
  const page = items.slice(0, query.limit);
  const last = items.length > query.limit ? page.at(-1) : undefined;
  return { items: page, next: last === undefined ? null : writeCursor(last) };
}

async function readKind(tx: Tx, kind: InventoryKind, values: readonly unknown[]): Promise<readonly Row[]> {
  if (kind === 'tenant_key') return (await tx.query<Row>(inventoryTenantKeys, values)).rows;
  if (kind === 'certificate_key') return (await tx.query<Row>(inventoryCertificateKeys, values)).rows;
  if (kind === 'signing_key') return (await tx.query<Row>(inventorySigningKeys, values)).rows;
  return (await tx.query<Row>(inventoryDataKeys, [...values, kind === 'person_key'])).rows;
}

function keyOf(
  tx: Tx,
  kind: InventoryKind,
  row: Row,
  facts: Facts & { readonly rotateEveryDays: number | null },
): InventoryKey {
  const cryptoperiodDays = facts.cryptoperiods[kind];
  const days =
    kind === 'tenant_key' ? Math.min(cryptoperiodDays, facts.rotateEveryDays ?? Infinity) : cryptoperiodDays;
  const active = row.state === 'active';
  return {
    kind,
    id: row.id,
    scope: row.scope,
    state: row.state,
    owner: tx.tenantId === platformTenantId ? 'platform' : 'tenant',
    provider: row.provider,
    createdAt: row.created_at,
    ageDays: Math.floor((facts.now.getTime() - row.created_at.getTime()) / dayMilliseconds),
    uses: row.uses,
    cryptoperiodDays,
    nextRotation: active ? new Date(row.created_at.getTime() + days * dayMilliseconds) : null,
    overdue: active && row.created_at <= facts.cutoff(kind),
  };
}

const writeCursor = ({ kind, id }: InventoryKey): string =>
  Buffer.from(`${kind}:${id}`).toString('base64url');

function readCursor(cursor: string | null): { readonly kind: InventoryKind; readonly after: string } | null {
  if (cursor === null) return null;
  const match = cursorForm.exec(Buffer.from(cursor, 'base64url').toString('utf8'));
  const [, kind, after = ''] = match ?? [];
  const fits = kind !== undefined && cursorForms[kind as InventoryKind].test(after); // the pattern names the kinds
  if (kind === undefined || !fits)
    throw invalidRequest('the cursor is not one that this list gave; start without a cursor');
  return { kind: kind as InventoryKind, after }; // the pattern names the kinds
}

const headings = [
  'kind',
  'id',
  'scope',
  'state',
  'owner',
  'provider',
  'created',
  'age_days',
  'uses',
  'cryptoperiod_days',
  'next_rotation',
  'overdue',
] as const;

/** RFC 4180 with a heading; a cell that a spreadsheet would run is made text. */
export function inventoryCsv(items: readonly InventoryKey[]): string {
  const rows = items.map((key) => [
    key.kind,
    key.id,
    key.scope,
    key.state,
    key.owner,
    key.provider,
    key.createdAt.toISOString(),
    String(key.ageDays),
    key.uses === null ? '' : String(key.uses),
    String(key.cryptoperiodDays),
    key.nextRotation?.toISOString() ?? '',
    key.overdue ? 'yes' : 'no',
  ]);
  return [headings, ...rows].map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
}

function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
