import { cryptoError } from './errors.ts';

const maxNameBytes = 255;
const maxFields = 200;

/** u8 name length, name, u32 value length, value; fields in the order given, each name once. */
export function packRow(values: ReadonlyMap<string, Uint8Array>): Buffer {
  if (values.size > maxFields)
    throw cryptoError('ERR_CRYPTO_INPUT', `a packed row holds at most ${maxFields} fields`);
  const names = [...values.keys()].map((name) => Buffer.from(name.normalize('NFC'), 'utf8'));
  let size = 0;
  let index = 0;
  for (const value of values.values()) size += 1 + (names[index++]?.length ?? 0) + 4 + value.length;
  const packed = Buffer.allocUnsafe(size);
  let at = 0;
  index = 0;
  for (const value of values.values()) {
    const name = names[index++];
    if (name === undefined || name.length === 0 || name.length > maxNameBytes) {
      throw cryptoError(
        'ERR_CRYPTO_INPUT',
        `a field name of a packed row must be 1 to ${maxNameBytes} bytes`,
      );
    }
    at = packed.writeUInt8(name.length, at);
    packed.set(name, at);
    at = packed.writeUInt32BE(value.length, at + name.length);
    packed.set(value, at);
    at += value.length;
  }
  return packed;
}

/** @returns null when it is not exactly a packed row */
export function unpackRow(packed: Buffer): Map<string, Buffer> | null {
  const values = new Map<string, Buffer>();
  let at = 0;
  while (at < packed.length) {
    const nameLength = packed.readUInt8(at);
    const valueStart = at + 1 + nameLength + 4;
    if (nameLength === 0 || valueStart > packed.length) return null;
    const name = packed.toString('utf8', at + 1, at + 1 + nameLength);
    const end = valueStart + packed.readUInt32BE(valueStart - 4);
    if (end > packed.length || values.has(name) || values.size === maxFields) return null;
    values.set(name, packed.subarray(valueStart, end));
    at = end;
  }
  return values;
}
