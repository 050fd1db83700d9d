import { queryBuilder, sql, type Tx } from '../../db/index.ts';
import { GatehouseError } from '../../kernel/index.ts';
import { blindIndex } from '../blind-index.ts';
import { encodeFieldValue } from '../field-value.ts';
import { normaliseForIndex } from '../normalise.ts';
import { rowIdOf, type CompiledPlan, type PlannedIndex } from '../plan.ts';
import type { SealedTables } from '../sealed-table.ts';
import type { Row } from '../types.ts';
import type { IndexKeys } from './index-versions.ts';
import { lockTerm } from './store.ts';

/**
 * While an index is rotated, the database's unique index sees one version only. Whoever writes such a value holds a
 * lock on it until the commit and looks for rows that hold it under another version.
 *
 * @throws ERR_CONFLICT as the database's own unique index would cause
 */
export async function refuseDuplicates(
  tx: Tx,
  tables: SealedTables,
  compiled: CompiledPlan,
  keys: IndexKeys,
  rows: readonly Row[],
): Promise<void> {
  const unique = compiled.indexes.filter(
    (planned) => planned.index.unique === true && keys.live(planned).length > 1,
  );
  if (unique.length === 0) return;
  const table = (await tables(tx)).find(({ plan }) => plan === compiled.plan);
  if (table === undefined) return;
  for (const row of rows) {
    for (const planned of unique) {
      const terms = termsOf(planned, keys, row);
      if (terms.length === 0) continue;
      const { column } = planned.index;
      // Every process that can meet another here knows the same live versions, so the same term is the least.
      const lock = terms.map((term) => term.toString('hex')).toSorted()[0] ?? '';
      await tx.query(lockTerm, [`${tx.tenantId} ${compiled.type} ${column} ${lock}`]);
      const { sql: text, parameters } = sql`select 1 from ${sql.id(table.schema, table.table)}
        where tenant_id = ${tx.tenantId}::uuid and ${sql.id(column)} = any(${terms}::bytea[])
          and ${sql.id(table.rowIdColumn)}::text <> ${rowIdOf(compiled, row)} limit 1`.compile(queryBuilder);
      if ((await tx.run({ sql: text, parameters })).rows.length > 0) throw duplicate(planned);
    }
  }
}

function termsOf({ field, index, ...planned }: PlannedIndex, keys: IndexKeys, row: Row): readonly Buffer[] {
  const value = row[field.field];
  if (value === null || value === undefined) return [];
  const normalised = normaliseForIndex(index, encodeFieldValue(field, value));
  if (normalised === null) return [];
  return keys.live({ field, index, ...planned }).map((key) => blindIndex(key, normalised, index.bits));
}

const duplicate = ({ field }: PlannedIndex): Error =>
  new GatehouseError('ERR_CONFLICT', `another row has the same "${field.field}"; it must be unique`, {
    status: 409,
  });
