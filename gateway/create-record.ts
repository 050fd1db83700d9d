import { sql, type Tx } from '../db/index.ts';
import type { CollectionMap, DataMap, FieldMap } from '../datamap/index.ts';
import { authorize, permitted, recordRefusals, type Grant } from './authorize.ts';
import type { Call } from './call.ts';
import { gatewayError } from './errors.ts';
import { recordCreated } from './events.ts';
import { claim } from './idempotency.ts';
import type { Parts } from './ports.ts';
import { columnNamed, columnOf, run, tableOf, typed } from './row-query.ts';
import { subjectsOf } from './subjects.ts';
import {
  parseBody,
  requireNotSuppressed,
  requireWritable,
  sealValues,
  type ColumnValue,
  type FieldValues,
} from './write-values.ts';
import { appendWrite, presentWritten, requireStillPermitted, type Written } from './written-record.ts';

/** A record that was made, or that the same Idempotency-Key made before. */
export type Created = Written & { readonly id: string; readonly replayed: boolean };

type Job = {
  readonly call: Call;
  readonly grant: Grant;
  readonly reading: Grant | null;
  readonly values: FieldValues;
  readonly id: unknown;
  readonly idempotencyKey: string | null;
};

/** Creates a record: decide, check the suppression list, seal, index, write and record in one transaction. */
export async function createRecord(
  parts: Parts,
  call: Call,
  body: Readonly<Record<string, unknown>>,
  idempotencyKey: string | null,
): Promise<Created> {
  const values = parseBody(call, body);
  const grant = await authorize(parts, call, 'create', decisionProperties(values));
  requireWritable(grant, values);
  const reading = await permitted(parts, call, 'read');
  await parts.crypto.warm(call.principal.tenantId);
  const job: Job = { call, grant, reading, values, id: newRecordId(parts, call, values), idempotencyKey };
  return recordRefusals(parts, { call, grant, operation: 'create' }, () =>
    parts.database.withTenant(call.principal.tenantId, (tx) => createIn(parts, tx, job, body)),
  );
}

async function createIn(parts: Parts, tx: Tx, job: Job, body: unknown): Promise<Created> {
  const { call, grant, values, id, reading, idempotencyKey } = job;
  if (idempotencyKey !== null) {
    const earlier = await claim(parts, tx, { call, key: idempotencyKey, body, recordId: String(id) });
    if (earlier !== null) return replay(parts, tx, job, earlier);
  }
  await requireNotSuppressed(parts, tx, call, values);
  await insertRow(parts, tx, job);
  const row = await requireStillPermitted(tx, call, grant, id);
  const written = await presentWritten(parts, tx, { call, grant: reading, id });
  const fields = [...values.keys()].map(({ name }) => name);
  await appendWrite(parts, tx, {
    definition: recordCreated,
    call,
    grant,
    id,
    subjects: await subjectsOf(tx, call.map, call.collection, [row]),
    detail: { fields, returned: written.fields },
  });
  return { ...written, id: String(id), replayed: false };
}

/** The id of the record that the key made; what it holds now is a matter for a read of its own. */
async function replay(parts: Parts, tx: Tx, { call }: Job, earlier: string): Promise<Created> {
  const primary = call.collection.fields.find(({ name }) => name === call.collection.primaryKey);
  const id = primary?.type === 'integer' ? Number(earlier) : earlier;
  return { ...(await presentWritten(parts, tx, { call, grant: null, id })), id: earlier, replayed: true };
}

/** Clear values that rules may speak of; a condition on a field that is not here does not hold. */
function decisionProperties(values: FieldValues): Readonly<Record<string, unknown>> {
  const given = [...values]
    .filter(([field]) => field.encryption.mode === 'none')
    .map(([field, value]) => [field.name, value]);
  return Object.fromEntries(given) as Readonly<Record<string, unknown>>; // entries of unknown values
}

function newRecordId(parts: Pick<Parts, 'newId'>, call: Call, values: FieldValues): unknown {
  const primary = call.collection.fields.find(({ name }) => name === call.collection.primaryKey);
  if (primary === undefined || (primary.type === 'uuid' && !primary.writable)) return parts.newId();
  const given = values.get(primary);
  if (given === undefined)
    throw gatewayError('ERR_GATEWAY_VALUE', `field "${primary.name}" is the record's id and must be given`);
  return given;
}

async function insertRow(parts: Parts, tx: Tx, { call, values, id }: Job): Promise<void> {
  const { collection } = call;
  const idColumn = columnNamed(collection, collection.primaryKey);
  const keys: Record<string, unknown> = { [idColumn]: id };
  const own: ColumnValue[] = [];
  const { subject } = collection;
  if (subject !== null && 'field' in subject) {
    const subjectId = await subjectFor(parts, tx, call, values);
    const column = columnNamed(collection, subject.field);
    keys[column] = subjectId;
    own.push({ column, value: sql`${subjectId}::uuid` });
  }
  const sealed = await sealValues(parts, tx, { call, values, keys });
  const idField = fieldOf(collection, collection.primaryKey);
  if (!sealed.some(({ column }) => column === idColumn))
    own.push({ column: idColumn, value: typed(idField, id) });
  own.push(...stampColumns(parts, collection), {
    column: collection.tenantColumn,
    value: sql`${tx.tenantId}::uuid`,
  });
  const all = [...own, ...sealed];
  await run(
    tx,
    sql`insert into ${sql.id(collection.schema, collection.table)} (${sql.join(all.map(({ column }) => sql.id(column)))})
      values (${sql.join(all.map(({ value }) => value))})`,
  );
}

function stampColumns(parts: Pick<Parts, 'clock'>, collection: CollectionMap): ColumnValue[] {
  const { createdAt, updatedAt } = collection.managed;
  const names = [createdAt, updatedAt].filter((name) => name !== null);
  return names.map((name) => ({
    column: columnNamed(collection, name),
    value: sql`${parts.clock.now()}::timestamptz`,
  }));
}

function fieldOf(collection: CollectionMap, name: string): FieldMap {
  const field = collection.fields.find((candidate) => candidate.name === name);
  if (field === undefined)
    throw gatewayError('ERR_GATEWAY_UNKNOWN_FIELD', `"${name}" is no field of ${collection.type}`);
  return field;
}

/** The person of a new row: the one of the record it refers to, or a new person when it refers to none. */
async function subjectFor(
  parts: Pick<Parts, 'newId'>,
  tx: Tx,
  call: Call,
  values: FieldValues,
): Promise<string> {
  const link = personReference(call.map, call.collection);
  if (link === null) return parts.newId();
  const given = values.get(link.field);
  if (given === undefined || given === null) {
    throw gatewayError(
      'ERR_GATEWAY_VALUE',
      `field "${link.field.name}" says whose record it is and must be given`,
    );
  }
  const { to } = link;
  const rows = await run(
    tx,
    sql`select ${columnOf(columnNamed(to, link.subjectField))}::text as subject from ${tableOf(to)}
      where ${columnOf(to.tenantColumn)} = ${tx.tenantId}::uuid
        and ${columnOf(columnNamed(to, link.toField))} = ${typed(link.field, given)} for key share`,
  );
  const subject = rows[0]?.['subject'];
  if (typeof subject === 'string') return subject;
  throw gatewayError(
    'ERR_GATEWAY_REFERENCE',
    `field "${link.field.name}" refers to a record that does not exist`,
  );
}

type PersonReference = {
  readonly field: FieldMap;
  readonly to: CollectionMap;
  readonly toField: string;
  readonly subjectField: string;
};

/** The field by which a collection's rows refer to another collection that names its people. */
function personReference(map: DataMap, collection: CollectionMap): PersonReference | null {
  for (const field of collection.fields) {
    const { references } = field;
    const to = references === null ? null : map.collection(`${references.service}.${references.collection}`);
    if (references === null || to === null || to.type === collection.type) continue;
    if (to.subject !== null && 'field' in to.subject) {
      return { field, to, toField: references.field, subjectField: to.subject.field };
    }
  }
  return null;
}
