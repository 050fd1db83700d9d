import { sql, type Tx } from '../db/index.ts';
import type { EventDefinition, SubjectId } from '../kernel/index.ts';
import type { Grant } from './authorize.ts';
import type { Call } from './call.ts';
import { gatewayError } from './errors.ts';
import type { Parts } from './ports.ts';
import { present, type PresentedRecord } from './present.ts';
import { permittedRows, projection, rowOf, run, tableOf, type StoredRow } from './row-query.ts';

/** What an answer to a write holds. */
export type Written = { readonly body: PresentedRecord; readonly fields: readonly string[] };

/** The record as its writer may read it; its id alone when they may not. */
export async function presentWritten(
  parts: Parts,
  tx: Tx,
  input: { readonly call: Call; readonly grant: Grant | null; readonly id: unknown },
): Promise<Written> {
  const { call, grant, id } = input;
  const { collection } = call;
  const bare: Written = { body: { [collection.primaryKey]: id }, fields: [collection.primaryKey] };
  if (grant === null) return bare;
  const fields = collection.fields.filter(({ name }) => grant.clear.has(name) || grant.masked.has(name));
  const rows = await run(
    tx,
    sql`select ${projection(call, grant, fields)} from ${tableOf(collection)} where ${permittedRows(call, grant)} and ${rowOf(collection, id)}`,
  );
  const [record] = await present(parts, tx, { call, grant, fields, rows });
  return record === undefined ? bare : { body: record, fields: fields.map(({ name }) => name) };
}

/** After a write the row must still be one that the decision covers: nobody moves a record out of their own reach. */
export async function requireStillPermitted(
  tx: Tx,
  call: Call,
  grant: Grant,
  id: unknown,
): Promise<StoredRow> {
  const { collection } = call;
  const [row] = await run(
    tx,
    sql`select ${projection(call, grant, [])} from ${tableOf(collection)} where ${permittedRows(call, grant)} and ${rowOf(collection, id)}`,
  );
  if (row === undefined) {
    throw gatewayError(
      'ERR_GATEWAY_DENIED',
      `the record would not be one you may write in ${collection.type}; nothing was written`,
    );
  }
  return row;
}

/** Appends the write's event in the same transaction: both happen or neither. */
export async function appendWrite(
  parts: Pick<Parts, 'audit'>,
  tx: Tx,
  write: {
    readonly definition: EventDefinition;
    readonly call: Call;
    readonly grant: Grant;
    readonly id: unknown;
    readonly subjects: readonly SubjectId[];
    readonly detail: Readonly<Record<string, unknown>>;
  },
): Promise<void> {
  const { definition, call, grant, id, subjects, detail } = write;
  const { collection, principal, purpose } = call;
  await parts.audit.append(tx, {
    definition,
    tenantId: principal.tenantId,
    outcome: 'success',
    actor: principal,
    targets: [{ type: collection.type, id: String(id) }],
    subjects,
    detail: { service: collection.service, collection: collection.name, purpose, ...detail },
    decision: grant.decision,
    call: call.context,
  });
}
