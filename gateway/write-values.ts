import { sql, type RawBuilder, type Tx } from '../db/index.ts';
import { encryptionPlan, type FieldMap } from '../datamap/index.ts';
import type { Grant } from './authorize.ts';
import { requireField, type Call } from './call.ts';
import { gatewayError } from './errors.ts';
import type { Parts, SuppressionIdentifier } from './ports.ts';
import { typed } from './row-query.ts';
import { parseValue } from './value.ts';

/** Checked values by field, in the order of the body. */
export type FieldValues = ReadonlyMap<FieldMap, unknown>;

/**
 * Checks a body's fields: known, written by callers at all, and of the right type.
 *
 * @throws ERR_GATEWAY_UNKNOWN_FIELD, ERR_GATEWAY_FIELD_FORBIDDEN, ERR_GATEWAY_VALUE
 */
export function parseBody(call: Call, body: Readonly<Record<string, unknown>>): FieldValues {
  const values = new Map<FieldMap, unknown>();
  for (const [name, value] of Object.entries(body)) {
    const field = requireField(call.collection, name, 'the body');
    if (!field.writable) {
      throw gatewayError(
        'ERR_GATEWAY_FIELD_FORBIDDEN',
        `field "${name}" is set by Gatehouse and cannot be written`,
      );
    }
    values.set(field, parseValue(field, value));
  }
  if (values.size === 0) throw gatewayError('ERR_GATEWAY_VALUE', 'the body has no fields to write');
  return values;
}

/** @throws ERR_GATEWAY_FIELD_FORBIDDEN for a field that the decision does not let this caller write */
export function requireWritable(grant: Grant, values: FieldValues): void {
  for (const { name } of values.keys()) {
    if (!grant.clear.has(name)) {
      throw gatewayError('ERR_GATEWAY_FIELD_FORBIDDEN', `field "${name}" is not among those you may write`);
    }
  }
}

/**
 * Refuses people who were erased or who objected, in the same transaction as the write.
 *
 * @throws ERR_GATEWAY_SUPPRESSED without saying which list or which person
 */
export async function requireNotSuppressed(
  parts: Pick<Parts, 'suppression'>,
  tx: Tx,
  call: Call,
  values: FieldValues,
): Promise<void> {
  const identifiers = [...values].flatMap(([{ identity }, value]): SuppressionIdentifier[] =>
    (identity === 'email' || identity === 'phone') && typeof value === 'string'
      ? [{ kind: identity, value }]
      : [],
  );
  if (identifiers.length === 0) return;
  const purposes = call.map.service(call.collection.service)?.purposes ?? [];
  const purpose = call.purpose ?? purposes[0]?.key ?? call.collection.service;
  const suppressed = await parts.suppression.isSuppressed(tx, identifiers, purpose);
  if (suppressed === null) return;
  const names = [...values.keys()].filter(({ identity }) => identity !== null).map(({ name }) => name);
  throw gatewayError(
    'ERR_GATEWAY_SUPPRESSED',
    'this person asked not to be here; the record was not written',
    { fields: names },
  );
}

/** A column and the value that goes into it. */
export type ColumnValue = { readonly column: string; readonly value: RawBuilder<unknown> };

/**
 * Seals what the map encrypts and gives the columns to write, blind indexes included.
 *
 * @param keys - row id and subject id by column; they are authenticated with every ciphertext
 */
export async function sealValues(
  parts: Pick<Parts, 'crypto'>,
  tx: Tx,
  input: {
    readonly call: Call;
    readonly values: FieldValues;
    readonly keys: Readonly<Record<string, unknown>>;
  },
): Promise<readonly ColumnValue[]> {
  const { call, values, keys } = input;
  const encrypted = [...values].filter(
    ([{ encryption, twin }]) => encryption.mode === 'field' || twin?.written === true,
  );
  const columns = [...values].flatMap(([field, value]): ColumnValue[] => {
    const column = plainColumnOf(field);
    return column === null ? [] : [{ column, value: parameter(field, value) }];
  });
  if (encrypted.length === 0) return columns;
  const logical = { ...keys, ...Object.fromEntries(encrypted.map(([field, value]) => [field.name, value])) };
  const physical = await parts.crypto.sealFields(tx, encryptionPlan(call.collection), logical);
  const sealed = encrypted
    .flatMap(([field]) => columnsOf(field))
    .map((column): ColumnValue => {
      if (!Object.hasOwn(physical, column)) {
        throw gatewayError('ERR_GATEWAY_DATABASE', `column "${column}" was not sealed; nothing was written`);
      }
      return { column, value: sql`${physical[column]}::bytea` };
    });
  return [...columns, ...sealed];
}

/** Where the plaintext goes; null when it is not kept. While a column is being encrypted that is beside the ciphertext. */
function plainColumnOf({ column, encryption, twin }: FieldMap): string | null {
  if (encryption.mode === 'none') return column;
  return twin === null ? null : twin.column;
}

/** Ciphertext and index columns of a field. */
function columnsOf(field: FieldMap): readonly string[] {
  const side = field.encryption.mode === 'field' ? field : field.twin;
  if (side === null || side.encryption.mode === 'none') return [];
  return [side.column, ...side.encryption.indexes.map((index) => index.column)];
}

function parameter(field: FieldMap, value: unknown): RawBuilder<unknown> {
  return field.type === 'json' && value !== null ? typed(field, JSON.stringify(value)) : typed(field, value);
}
