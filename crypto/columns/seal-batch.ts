import type { Tx } from '../../db/index.ts';
import { isGatehouseError } from '../../kernel/index.ts';
import type { Crypto, EncryptionPlan, Row } from '../types.ts';
import { logicalValue } from './column-type.ts';
import type { ColumnTarget } from './column-target.ts';
import type { SealedRow, WaitingRow } from './rows.ts';
import type { Finding, StoredLayout } from './store.ts';

/** What was sealed and what cannot be. */
export type SealedBatch = { readonly sealed: readonly SealedRow[]; readonly refused: readonly Finding[] };

/** Seals rows exactly as a writer of ours would. One row that cannot be sealed does not keep the others from it. */
export async function sealBatch(
  tx: Tx,
  crypto: Pick<Crypto, 'sealRows'>,
  target: ColumnTarget,
  layout: StoredLayout,
  rows: readonly WaitingRow[],
): Promise<SealedBatch> {
  const refused: Finding[] = [];
  const ready: { readonly row: WaitingRow; readonly logical: Row }[] = [];
  for (const row of rows) {
    const logical = logicalRow(target, row);
    if (typeof logical === 'string') refused.push({ rowId: row.id, what: logical });
    else ready.push({ row, logical });
  }
  const seal = async (some: typeof ready): Promise<SealedRow[]> => {
    const physical = await crypto.sealRows(
      tx,
      target.plan,
      some.map(({ logical }) => logical),
    );
    return some.map(({ row }, at) => sealedRow(layout, row, physical[at] ?? {}));
  };
  try {
    return { sealed: await seal(ready), refused };
  } catch (error) {
    if (!isGatehouseError(error) || !rowErrors.has(error.code)) throw error;
  }
  const sealed: SealedRow[] = [];
  for (const one of ready) {
    try {
      sealed.push(...(await seal([one])));
    } catch (error) {
      if (!isGatehouseError(error) || !rowErrors.has(error.code)) throw error;
      refused.push({
        rowId: one.row.id,
        what: error.code === 'ERR_CRYPTO_SHREDDED' ? 'person_erased' : 'refused',
      });
    }
  }
  return { sealed, refused };
}

/** Errors that are about one row, not about the house. */
const rowErrors: ReadonlySet<string> = new Set(['ERR_CRYPTO_SHREDDED', 'ERR_CRYPTO_INPUT']);

function logicalRow({ plan }: { readonly plan: EncryptionPlan }, row: WaitingRow): Row | string {
  const [field] = plan.fields;
  if (field === undefined) return 'refused';
  if (field.scope === 'subject' && row.subject === null) return 'no_person';
  const value = logicalValue(field, row.plain);
  if (value === undefined) return 'number_too_large';
  // A JSON null is a value of the column, and as a logical value it would mean none.
  if (value === null) return 'json_null';
  const subject = plan.subjectField === null ? {} : { [plan.subjectField]: row.subject };
  return { ...subject, [plan.rowIdField]: row.id, [field.field]: value };
}

function sealedRow(
  layout: StoredLayout,
  row: WaitingRow,
  physical: Readonly<Record<string, unknown>>,
): SealedRow {
  const ciphertext = physical[layout.ciphertextColumn];
  if (!Buffer.isBuffer(ciphertext))
    throw new TypeError(`row ${row.id} was not sealed into ${layout.ciphertextColumn}`);
  const indexes = layout.indexColumns.map((column) => {
    const value = physical[column];
    return Buffer.isBuffer(value) ? value : null;
  });
  return { ...row, ciphertext, indexes };
}
