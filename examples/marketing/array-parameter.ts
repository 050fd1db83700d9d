/** Element types that go to PostgreSQL in binary. */
export type ElementType = 'uuid' | 'text' | 'bytea' | 'timestamptz';

const objectIds: Readonly<Record<ElementType, number>> = Object.freeze({
  bytea: 17,
  text: 25,
  timestamptz: 1184,
  uuid: 2950,
});
const headerBytes = 20;
/** Milliseconds from 1970 to 2000, where PostgreSQL's clock begins. */
const epochMilliseconds = 946_684_800_000;

/**
 * A column of values as one array parameter in PostgreSQL's binary form: a third of the work of the text form on both
 * sides, because ciphertext is not spelt out in hexadecimal.
 *
 * @param values - strings, dates or buffers as the type wants; null and undefined become NULL
 * @see https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/arrayfuncs.c array_recv
 */
export function encodeArray(type: ElementType, values: readonly unknown[]): Buffer {
  let size = headerBytes;
  let nulls = 0;
  for (const value of values) {
    const bytes = sizeOf(type, value);
    if (bytes < 0) nulls = 1;
    size += 4 + Math.max(0, bytes);
  }
  const target = Buffer.allocUnsafe(size);
  let at = target.writeInt32BE(values.length === 0 ? 0 : 1, 0);
  for (const number of [nulls, objectIds[type], values.length, 1]) at = target.writeInt32BE(number, at);
  for (const value of values) at = writeElement(target, at, type, value);
  return values.length === 0 ? target.subarray(0, 12) : target;
}

function sizeOf(type: ElementType, value: unknown): number {
  if (value === null || value === undefined) return -1;
  if (type === 'uuid') return 16;
  if (type === 'timestamptz') return 8;
  return type === 'text' ? Buffer.byteLength(value as string) : (value as Uint8Array).length; // as the column's type says
}

function writeElement(target: Buffer, at: number, type: ElementType, value: unknown): number {
  const bytes = sizeOf(type, value);
  const start = target.writeInt32BE(bytes, at);
  if (bytes < 0) return start;
  switch (type) {
    case 'uuid':
      target.write((value as string).replaceAll('-', ''), start, 16, 'hex');
      break;
    case 'text':
      target.write(value as string, start, bytes, 'utf8');
      break;
    case 'bytea':
      target.set(value as Uint8Array, start); // the column's type
      break;
    case 'timestamptz':
      target.writeBigInt64BE(BigInt((value as Date).getTime() - epochMilliseconds) * 1_000n, start); // the column's type
  }
  return start + bytes;
}
