import type { SubjectId } from '../kernel/index.ts';
import { isGatehouseError, notFound } from '../kernel/index.ts';
import { authorize, type Grant } from './authorize.ts';
import { requireField, type Call } from './call.ts';
import { encodeCursor } from './cursor.ts';
import { gatewayError } from './errors.ts';
import { recordsRead } from './events.ts';
import { compileFilters } from './filter-sql.ts';
import { parseFields, parseListQuery, type ListQuery, type RawQuery } from './list-query.ts';
import type { Parts } from './ports.ts';
import { present, type PresentedRecord } from './present.ts';
import { inexactFilters, recheckRows } from './recheck.ts';
import {
  columnNamed,
  permittedRows,
  projection,
  rowOf,
  run,
  selectPage,
  sortColumn,
  tableOf,
} from './row-query.ts';
import { withSafeErrors } from './safe-errors.ts';
import { subjectsOf } from './subjects.ts';
import { parseValue } from './value.ts';
import { sql } from '../db/index.ts';

/** A page of records. */
export type RecordPage = {
  readonly items: readonly PresentedRecord[];
  readonly nextCursor: string | null;
  /** Fields that are shown in masked form only. */
  readonly masked: readonly string[];
};

type Read = {
  readonly items: readonly PresentedRecord[];
  readonly subjects: readonly SubjectId[];
  readonly nextCursor: string | null;
};

/** Lists records: decide, filter rows in SQL, mask, open, record; and only then answer. */
export async function listRecords(parts: Parts, call: Call, raw: RawQuery): Promise<RecordPage> {
  const grant = await authorize(parts, call, 'read');
  const query = parseListQuery(call, grant, raw);
  await parts.crypto.warm(call.principal.tenantId);
  const read = await withSafeErrors(() => readPage(parts, call, grant, query));
  const masked = query.fields.filter(({ name }) => !grant.clear.has(name)).map(({ name }) => name);
  await recordRead(parts, call, grant, {
    operation: 'list',
    read,
    fields: query.fields.map(({ name }) => name),
    masked,
    filters: query.filters.map(({ field, operator }) => `${field.name} ${operator}`),
    targets: [{ type: 'collection', id: call.collection.type }],
  });
  return { items: read.items, nextCursor: read.nextCursor, masked };
}

async function readPage(parts: Parts, call: Call, grant: Grant, query: ListQuery): Promise<Read> {
  return parts.database.withTenant(call.principal.tenantId, async (tx) => {
    const where = await compileFilters(parts, tx, call, query.filters);
    const checked = inexactFilters(query.filters).map(({ field }) => field);
    const wide = { ...query, fields: [...new Set([...query.fields, ...checked])] };
    const found = await selectPage(tx, { call, grant, query: wide, where });
    const page = found.slice(0, query.limit);
    const last = found.length > query.limit ? page.at(-1) : undefined;
    const rows = await recheckRows(parts, tx, call, query.filters, page);
    const id = columnNamed(call.collection, call.collection.primaryKey);
    const place = { type: call.collection.type, ...query.sort };
    const value = last?.[sortColumn] ?? null;
    return {
      items: await present(parts, tx, { call, grant, fields: query.fields, rows }),
      subjects: await subjectsOf(tx, call.map, call.collection, rows),
      nextCursor:
        last === undefined
          ? null
          : encodeCursor(place, { value: typeof value === 'string' ? value : null, id: String(last[id]) }),
    };
  });
}

/** One record by its id. @throws ERR_NOT_FOUND also for one of another tenant, or one the decision does not cover */
export async function getRecord(
  parts: Parts,
  call: Call,
  id: string,
  fieldsText: unknown,
): Promise<PresentedRecord> {
  const grant = await authorize(parts, call, 'read');
  const fields = parseFields(call, grant, fieldsText);
  const key = parseRecordId(call, id);
  await parts.crypto.warm(call.principal.tenantId);
  const read = await withSafeErrors(() =>
    parts.database.withTenant(call.principal.tenantId, async (tx): Promise<Read> => {
      const { collection } = call;
      const rows = await run(
        tx,
        sql`select ${projection(call, grant, fields)} from ${tableOf(collection)} where ${permittedRows(call, grant)} and ${rowOf(collection, key)}`,
      );
      const items = await present(parts, tx, { call, grant, fields, rows });
      return { items, subjects: await subjectsOf(tx, call.map, collection, rows), nextCursor: null };
    }),
  );
  const [item] = read.items;
  if (item === undefined) throw notFound(call.collection.name, id.slice(0, 64));
  await recordRead(parts, call, grant, {
    operation: 'get',
    read,
    fields: fields.map(({ name }) => name),
    masked: fields.filter(({ name }) => !grant.clear.has(name)).map(({ name }) => name),
    filters: [],
    targets: [{ type: call.collection.type, id }],
  });
  return item;
}

/** The id of a path as its primary key has it; what cannot be an id is no record's id. */
export function parseRecordId(call: Call, text: string): unknown {
  const field = requireField(call.collection, call.collection.primaryKey, 'path');
  const value = field.type === 'integer' && /^-?\d{1,15}$/.test(text) ? Number(text) : text;
  try {
    return parseValue(field, value);
  } catch {
    throw notFound(call.collection.name, text.slice(0, 64));
  }
}

type ReadRecord = {
  readonly operation: 'list' | 'get';
  readonly read: Read;
  readonly fields: readonly string[];
  readonly masked: readonly string[];
  readonly filters: readonly string[];
  readonly targets: readonly { readonly type: string; readonly id: string }[];
};

/** No record, no data: what was read is thrown away when the trail did not take it. */
async function recordRead(parts: Parts, call: Call, grant: Grant, record: ReadRecord): Promise<void> {
  const { collection, principal, purpose } = call;
  const { operation, read, fields, masked, filters, targets } = record;
  try {
    await parts.audit.record({
      definition: recordsRead,
      tenantId: principal.tenantId,
      outcome: 'success',
      actor: principal,
      targets,
      subjects: read.subjects,
      detail: {
        service: collection.service,
        collection: collection.name,
        purpose,
        operation,
        count: read.items.length,
        fields: [...fields],
        masked: [...masked],
        filters: [...filters],
      },
      decision: grant.decision,
      call: call.context,
    });
  } catch (error) {
    const code = isGatehouseError(error) ? error.code : 'unknown';
    parts.logger.error('a read could not be recorded, so its data was withheld', {
      type: collection.type,
      code,
    });
    throw gatewayError(
      'ERR_GATEWAY_NOT_RECORDED',
      'the read could not be recorded, so nothing is shown; try again',
    );
  }
}
