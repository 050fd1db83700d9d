import { sql, type Tx } from '../db/index.ts';
import { notFound } from '../kernel/index.ts';
import { authorize, permitted, recordRefusals, refuse, type Grant } from './authorize.ts';
import type { Call, Operation } from './call.ts';
import { recordDeleted, recordUpdated } from './events.ts';
import type { Parts } from './ports.ts';
import type { PresentedRecord } from './present.ts';
import { parseRecordId } from './read-records.ts';
import {
  columnNamed,
  columnOf,
  keyColumns,
  permittedRows,
  rowOf,
  run,
  tableOf,
  type StoredRow,
} from './row-query.ts';
import { subjectsOf } from './subjects.ts';
import {
  parseBody,
  requireNotSuppressed,
  requireWritable,
  sealValues,
  type FieldValues,
} from './write-values.ts';
import { appendWrite, presentWritten, requireStillPermitted } from './written-record.ts';

const restrictedColumn = '__restricted';

/** Replaces fields of one record. @throws ERR_NOT_FOUND, ERR_GATEWAY_RESTRICTED, ERR_GATEWAY_SUPPRESSED */
export async function updateRecord(
  parts: Parts,
  call: Call,
  idText: string,
  body: Readonly<Record<string, unknown>>,
): Promise<PresentedRecord> {
  const id = parseRecordId(call, idText);
  const values = parseBody(call, body);
  const grant = await authorize(parts, call, 'update');
  requireWritable(grant, values);
  const reading = await permitted(parts, call, 'read');
  await parts.crypto.warm(call.principal.tenantId);
  const outcome = await recordRefusals(parts, { call, grant, operation: 'update' }, () =>
    parts.database.withTenant(call.principal.tenantId, async (tx) => {
      const row = await lockRow(tx, call, grant, id);
      if (row === null || isRestricted(row)) return row === null ? 'missing' : 'restricted';
      await requireNotSuppressed(parts, tx, call, values);
      await updateRow(parts, tx, { call, row, id, values });
      const after = await requireStillPermitted(tx, call, grant, id);
      const written = await presentWritten(parts, tx, { call, grant: reading, id });
      await appendWrite(parts, tx, {
        definition: recordUpdated,
        call,
        grant,
        id,
        subjects: await subjectsOf(tx, call.map, call.collection, [after]),
        detail: { fields: [...values.keys()].map(({ name }) => name), returned: written.fields },
      });
      return written;
    }),
  );
  if (typeof outcome === 'string')
    return refuseRow(parts, { call, grant, operation: 'update', idText }, outcome);
  return outcome.body;
}

/** Deletes one record. The person's key stays: only a request under privacy law destroys it. */
export async function deleteRecord(parts: Parts, call: Call, idText: string): Promise<void> {
  const id = parseRecordId(call, idText);
  const grant = await authorize(parts, call, 'delete');
  const outcome = await recordRefusals(parts, { call, grant, operation: 'delete' }, () =>
    parts.database.withTenant(call.principal.tenantId, async (tx) => {
      const row = await lockRow(tx, call, grant, id);
      if (row === null || isRestricted(row)) return row === null ? 'missing' : 'restricted';
      const subjects = await subjectsOf(tx, call.map, call.collection, [row]);
      await run(
        tx,
        sql`delete from ${tableOf(call.collection)} where ${permittedRows(call, grant)} and ${rowOf(call.collection, id)}`,
      );
      await appendWrite(parts, tx, { definition: recordDeleted, call, grant, id, subjects, detail: {} });
      return 'deleted';
    }),
  );
  if (outcome !== 'deleted') await refuseRow(parts, { call, grant, operation: 'delete', idText }, outcome);
}

async function lockRow(tx: Tx, call: Call, grant: Grant, id: unknown): Promise<StoredRow | null> {
  const { collection } = call;
  const { restricted } = collection.managed;
  const flag = restricted === null ? sql`false` : columnOf(columnNamed(collection, restricted));
  const keys = sql.join(
    [...new Set(keyColumns(collection))].map((column) => sql`${columnOf(column)} as ${sql.id(column)}`),
  );
  const [row] = await run(
    tx,
    sql`select ${keys}, ${flag} as ${sql.id(restrictedColumn)} from ${tableOf(collection)}
      where ${permittedRows(call, grant)} and ${rowOf(collection, id)} for update`,
  );
  return row ?? null;
}

const isRestricted = (row: StoredRow): boolean => row[restrictedColumn] !== false;

async function updateRow(
  parts: Parts,
  tx: Tx,
  {
    call,
    row,
    id,
    values,
  }: { readonly call: Call; readonly row: StoredRow; readonly id: unknown; readonly values: FieldValues },
): Promise<void> {
  const { collection } = call;
  const keys = Object.fromEntries(keyColumns(collection).map((column) => [column, row[column]]));
  const columns = await sealValues(parts, tx, { call, values, keys });
  const { updatedAt } = collection.managed;
  const stamp =
    updatedAt === null
      ? []
      : [{ column: columnNamed(collection, updatedAt), value: sql`${parts.clock.now()}::timestamptz` }];
  const assignments = [...columns, ...stamp].map(({ column, value }) => sql`${sql.id(column)} = ${value}`);
  await run(
    tx,
    sql`update ${tableOf(collection)} set ${sql.join(assignments)}
      where ${columnOf(collection.tenantColumn)} = ${tx.tenantId}::uuid and ${rowOf(collection, id)}`,
  );
}

type RowCall = {
  readonly call: Call;
  readonly grant: Grant;
  readonly operation: Operation;
  readonly idText: string;
};

async function refuseRow(
  parts: Parts,
  { call, grant, operation, idText }: RowCall,
  why: 'missing' | 'restricted',
): Promise<never> {
  if (why === 'missing') throw notFound(call.collection.name, idText.slice(0, 64));
  const message = 'processing of this record is restricted (GDPR Art. 18), so it cannot be changed';
  return refuse(parts, call, { operation, code: 'ERR_GATEWAY_RESTRICTED', message, verdict: grant.verdict });
}
