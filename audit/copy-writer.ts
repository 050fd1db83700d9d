/** Seconds from 1970 to PostgreSQL's epoch, 2000-01-01. */
const postgresEpochMilliseconds = 946_684_800_000;
const two32 = 2 ** 32;

/**
 * Rows in PostgreSQL's binary COPY format.
 *
 * @see https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
 */
export type CopyWriter = {
  readonly row: (columns: number) => void;
  readonly uuid: (value: string) => void;
  readonly bigint: (value: number) => void;
  readonly timestamp: (value: Date) => void;
  readonly text: (value: string | null) => void;
  readonly bytes: (value: Buffer) => void;
  readonly rows: () => number;
  /** Everything with header and trailer; the writer must not be used afterwards. */
  readonly finish: () => Buffer;
};

/** Where the bytes of a UUID stand in its text. */
const uuidBytes = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34] as const;
const hexValues = new Int8Array(128).fill(-1);
for (const [value, digit] of Array.from('0123456789abcdef').entries()) {
  hexValues[digit.charCodeAt(0)] = value;
  hexValues[digit.toUpperCase().charCodeAt(0)] = value;
}

function hexDigit(text: string, at: number): number {
  const value = hexValues[text.charCodeAt(at)] ?? -1;
  if (value < 0) throw new RangeError(`"${text}" is not a UUID`);
  return value;
}

const header = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);

/** A writer into one growing buffer. */
export function createCopyWriter(initialBytes = 64 * 1024): CopyWriter {
  let buffer = Buffer.allocUnsafe(initialBytes);
  let at = header.copy(buffer, 0);
  let rows = 0;
  const reserve = (bytes: number): void => {
    if (at + bytes <= buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, at + bytes));
    buffer.copy(larger, 0, 0, at);
    buffer = larger;
  };
  const int32 = (value: number): void => {
    at = buffer.writeInt32BE(value, at);
  };
  const int64 = (value: number): void => {
    const high = Math.floor(value / two32);
    at = buffer.writeInt32BE(high, at);
    at = buffer.writeUInt32BE(value - high * two32, at);
  };
  const bigint = (value: number): void => {
    reserve(12);
    int32(8);
    int64(value);
  };
  return Object.freeze({
    row: (columns: number) => {
      reserve(2);
      at = buffer.writeInt16BE(columns, at);
      rows += 1;
    },
    uuid: (value: string) => {
      reserve(20);
      int32(16);
      if (value.length !== 36) throw new RangeError(`"${value}" is not a UUID`);
      for (const start of uuidBytes) {
        const byte = (hexDigit(value, start) << 4) | hexDigit(value, start + 1);
        buffer[at++] = byte;
      }
    },
    bigint,
    timestamp: (value: Date) => bigint((value.getTime() - postgresEpochMilliseconds) * 1000),
    text: (value: string | null) => {
      reserve(4 + (value === null ? 0 : value.length * 3));
      if (value === null) return int32(-1);
      const bytes = buffer.write(value, at + 4, 'utf8');
      int32(bytes);
      at += bytes;
    },
    bytes: (value: Buffer) => {
      reserve(4 + value.length);
      int32(value.length);
      at += value.copy(buffer, at);
    },
    rows: () => rows,
    finish: () => {
      reserve(2);
      at = buffer.writeInt16BE(-1, at);
      return buffer.subarray(0, at);
    },
  });
}
