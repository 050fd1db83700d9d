import type { Tx } from '../db/index.ts';
import { encryptionPlan, type FieldMap } from '../datamap/index.ts';
import type { Grant } from './authorize.ts';
import type { Call } from './call.ts';
import { maskValue } from './mask.ts';
import type { Parts } from './ports.ts';
import { keyColumns, type StoredRow } from './row-query.ts';

/** A record as it goes out. */
export type PresentedRecord = Readonly<Record<string, unknown>>;

/**
 * Opens what may be opened and masks what may only be hinted at: the one place where a ciphertext becomes text and the
 * one place where that text is masked.
 */
export async function present(
  parts: Pick<Parts, 'crypto'>,
  tx: Tx,
  input: {
    readonly call: Call;
    readonly grant: Grant;
    readonly fields: readonly FieldMap[];
    readonly rows: readonly StoredRow[];
  },
): Promise<readonly PresentedRecord[]> {
  const { call, grant, fields, rows } = input;
  const encrypted = fields.filter(({ encryption }) => encryption.mode === 'field').map(({ name }) => name);
  const opened =
    encrypted.length === 0
      ? rows
      : await parts.crypto.openRows(tx, encryptionPlan(call.collection), rows, encrypted);
  const keys = new Set(keyColumns(call.collection));
  // From entries: a field may be called `__proto__`.
  return opened.map((row) =>
    Object.fromEntries(fields.map((field) => [field.name, presentField(field, { grant, row, keys })])),
  );
}

type Presented = { readonly grant: Grant; readonly row: StoredRow; readonly keys: ReadonlySet<string> };

function presentField(field: FieldMap, { grant, row, keys }: Presented): unknown {
  const encrypted = field.encryption.mode === 'field';
  const value = encrypted ? row[field.name] : row[field.column];
  if (isTombstone(value)) return { tombstone: true, requestId: value.requestId };
  if (grant.clear.has(field.name)) return toWire(value);
  if (encrypted) return maskValue(field, value);
  // A clear column was masked by the database, except the keys that it had to give for our own use.
  return keys.has(field.column) ? null : value;
}

function isTombstone(
  value: unknown,
): value is { readonly tombstone: true; readonly requestId: string | null } {
  return typeof value === 'object' && value !== null && (value as { tombstone?: unknown }).tombstone === true; // probing
}

function toWire(value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (Object.prototype.toString.call(value) !== '[object Date]') return value;
  return (value as Date).toISOString(); // just probed
}
