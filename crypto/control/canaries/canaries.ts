import { randomUUID } from 'node:crypto';
import { exactlyOne, queryBuilder, sql, type Tx } from '../../../db/index.ts';
import {
  notFound,
  parseSubjectId,
  type AuditSink,
  type Clock,
  type KeyId,
  type NewId,
  type Principal,
} from '../../../kernel/index.ts';
import { toText } from '../../ct1.ts';
import { cryptoError } from '../../errors.ts';
import type { Purge } from '../../purge.ts';
import type { SealedTable, SealedTables } from '../../sealed-table.ts';
import type { TransactionKeys } from '../../transaction-keys.ts';
import type { Crypto, Row } from '../../types.ts';
import { canaryPlanted } from './events.ts';
import { countCanaries, insertCanary, listCanaries, poisonKey } from './store.ts';

/** What is to be laid out. */
export type NewCanary = {
  readonly label: string;
  /** `service.collection`, as the data map names it. */
  readonly collection: string;
  readonly planted:
    /** A ciphertext to be put anywhere, bound to this field and row. */
    | { readonly kind: 'value'; readonly field: string; readonly rowId: string; readonly value: string }
    /** A whole row in the mapped table, by logical fields; its ids are made here. */
    | { readonly kind: 'row'; readonly values: Row };
  readonly by: Principal;
};

/** A canary that was laid out. */
export type PlantedCanary = {
  readonly id: string;
  readonly kid: KeyId;
  readonly rowId: string;
  /** `ct1.…`; null for a row, which stands in its table. */
  readonly ciphertext: string | null;
};

/** A canary and what became of it. */
export type Canary = {
  readonly id: string;
  readonly kid: KeyId;
  readonly label: string;
  readonly collection: string;
  readonly rowId: string;
  readonly plantedBy: string;
  readonly plantedAt: Date;
  readonly opened: number;
  readonly lastOpenedAt: Date | null;
};

/** Poison rows. */
export type Canaries = {
  /** @throws ERR_NOT_FOUND when no mapped table has the collection, ERR_CRYPTO_INPUT */
  readonly plant: (tx: Tx, canary: NewCanary) => Promise<PlantedCanary>;
  /** Newest first. */
  readonly list: (
    tx: Tx,
    page: { readonly after: string | null; readonly limit: number },
  ) => Promise<readonly Canary[]>;
  /** @param since - openings from then on count */
  readonly count: (tx: Tx, since: Date) => Promise<{ readonly planted: number; readonly opened: number }>;
};

/** What the part needs. */
export type CanariesDeps = Pick<Crypto, 'seal' | 'sealFields'> & {
  readonly tables: SealedTables;
  readonly keysOf: (tx: Tx) => TransactionKeys;
  readonly purge: Purge;
  readonly audit: () => AuditSink<Tx>;
  readonly clock: Clock;
  readonly newId: NewId;
};

type CanaryRow = {
  readonly id: string;
  readonly kid: Buffer;
  readonly label: string;
  readonly collection: string;
  readonly row_id: string;
  readonly planted_by: string;
  readonly planted_at: Date;
  readonly opened: number;
  readonly last_opened_at: Date | null;
};

const textOf = (kid: Buffer): KeyId => kid.toString('hex') as KeyId; // the column holds eight bytes
const columnName = /^[a-z_][a-z0-9_]{0,62}$/;
const maxColumns = 200;

/** Makes the part. */
export function createCanaries(deps: CanariesDeps): Canaries {
  return Object.freeze({
    plant: (tx: Tx, canary: NewCanary) => plant(tx, deps, canary),
    list: async (tx: Tx, { after, limit }: { readonly after: string | null; readonly limit: number }) => {
      const { rows } = await tx.query<CanaryRow>(listCanaries, [tx.tenantId, after, limit]);
      return rows.map((row) => ({
        id: row.id,
        kid: textOf(row.kid),
        label: row.label,
        collection: row.collection,
        rowId: row.row_id,
        plantedBy: row.planted_by,
        plantedAt: row.planted_at,
        opened: row.opened,
        lastOpenedAt: row.last_opened_at,
      }));
    },
    count: async (tx: Tx, since: Date) =>
      exactlyOne(
        await tx.query<{ planted: number; opened: number }>(countCanaries, [tx.tenantId, since]),
        'count',
      ),
  } satisfies Canaries);
}

async function plant(tx: Tx, deps: CanariesDeps, canary: NewCanary): Promise<PlantedCanary> {
  const table = await tableOf(tx, deps, canary.collection);
  const subjectId = parseSubjectId(randomUUID());
  const { planted } = canary;
  const { rowId, ciphertext } =
    planted.kind === 'row'
      ? await plantRow(tx, deps, table, { subjectId, values: planted.values })
      : await plantValue(tx, deps, table, { subjectId, ...planted });
  const { rows } = await tx.query<{ kid: Buffer }>(poisonKey, [tx.tenantId, subjectId]);
  const [marked] = rows;
  if (marked === undefined)
    throw cryptoError(
      'ERR_CRYPTO_INPUT',
      `no field of "${canary.collection}" that was given is sealed under a person's key; name one that is`,
    );
  const kid = textOf(marked.kid);
  // This process holds the key without its mark; from the commit on everybody reads it anew.
  deps.keysOf(tx).forget([kid]);
  await deps.purge.keys(tx, [kid]);
  const id = deps.newId();
  const { label, collection, by } = canary;
  await tx.query(insertCanary, [
    tx.tenantId,
    id,
    marked.kid,
    label,
    collection,
    rowId,
    by.id,
    deps.clock.now(),
  ]);
  await deps.audit().append(tx, {
    definition: canaryPlanted,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: by,
    targets: [{ type: 'crypto.key', id: kid }],
    detail: { canaryId: id, kid, collection, inserted: ciphertext === null },
  });
  return { id, kid, rowId, ciphertext };
}

async function tableOf(tx: Tx, deps: CanariesDeps, collection: string): Promise<SealedTable> {
  const tables = await deps.tables(tx);
  const found = tables.find(({ plan }) => `${plan.service}.${plan.collection}` === collection);
  if (found === undefined) throw notFound('encrypted collection', collection.slice(0, 300));
  return found;
}

async function plantValue(
  tx: Tx,
  deps: CanariesDeps,
  { plan }: SealedTable,
  value: {
    readonly subjectId: ReturnType<typeof parseSubjectId>;
    readonly field: string;
    readonly rowId: string;
    readonly value: string;
  },
): Promise<{ readonly rowId: string; readonly ciphertext: string }> {
  const { subjectId, rowId } = value;
  if (!plan.fields.some(({ field, scope }) => field === value.field && scope === 'subject'))
    throw cryptoError('ERR_CRYPTO_INPUT', `"${value.field.slice(0, 200)}" is no field under a person's key`);
  const { service, collection } = plan;
  const context = { service, collection, field: value.field, rowId, purpose: 'subject' };
  const sealed = await deps.seal(
    tx,
    { kind: 'subject', subjectId },
    context,
    Buffer.from(value.value, 'utf8'),
  );
  return { rowId, ciphertext: toText(sealed) };
}

/** What the collection's own columns demand, the caller gives; the ids are ours, so that no living person is meant. */
async function plantRow(
  tx: Tx,
  deps: CanariesDeps,
  table: SealedTable,
  { subjectId, values }: { readonly subjectId: string; readonly values: Row },
): Promise<{ readonly rowId: string; readonly ciphertext: null }> {
  const { plan, schema, subjectColumn } = table;
  if (plan.subjectField === null || subjectColumn === null)
    throw cryptoError('ERR_CRYPTO_INPUT', 'rows of this collection belong to nobody; plant a value instead');
  const rowId = deps.newId();
  const row = { ...values, [plan.rowIdField]: rowId, [plan.subjectField]: subjectId };
  const sealed = Object.entries(await deps.sealFields(tx, plan, row)).filter(
    ([, value]) => value !== undefined,
  );
  if (sealed.length > maxColumns || !sealed.every(([name]) => columnName.test(name)))
    throw cryptoError('ERR_CRYPTO_INPUT', 'the values name fields that no column can have');
  const columns = [['tenant_id', tx.tenantId] as const, ...sealed.filter(([name]) => name !== 'tenant_id')];
  const names = sql.join(columns.map(([name]) => sql.id(name)));
  const cells = sql.join(columns.map(([, value]) => sql`${value}`));
  const insert = sql`insert into ${sql.id(schema, table.table)} (${names}) values (${cells})`;
  const { sql: text, parameters } = insert.compile(queryBuilder);
  await tx.run({ sql: text, parameters });
  return { rowId, ciphertext: null };
}
