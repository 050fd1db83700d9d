import { certificateError } from './pki-error.ts';

/** One value of DER that was read strictly. */
export type DerValue = {
  /** The identifier byte: class, constructed bit, number. */
  readonly tag: number;
  readonly content: Buffer;
  /** Identifier, length and content. */
  readonly bytes: Buffer;
  /** The values inside; empty when it is primitive. */
  readonly children: readonly DerValue[];
};

/** Identifier bytes by their name in X.680. */
export const derTag = Object.freeze({
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  enumerated: 0x0a,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
});

type Budget = { values: number };
const maxDepth = 16;
const maxValues = 200_000;

/**
 * Reads one DER value that fills the bytes to their end: definite lengths in their shortest form, low tag numbers, depth
 * and number of values bounded.
 *
 * @param maxBytes - longer input is refused unread
 * @throws ERR_CRYPTO_CERTIFICATE
 */
export function readDer(bytes: Buffer, what: string, maxBytes: number): DerValue {
  if (bytes.length > maxBytes)
    throw certificateError(`the ${what} has ${bytes.length} bytes; at most ${maxBytes} are read`);
  const fail = (why: string): never => {
    throw certificateError(`the ${what} is not DER: ${why}; make it anew`);
  };
  const value = readAt(bytes, 0, 0, { values: maxValues }, fail);
  if (value.bytes.length !== bytes.length) fail('bytes follow its end');
  return value;
}

function readAt(
  bytes: Buffer,
  at: number,
  depth: number,
  budget: Budget,
  fail: (why: string) => never,
): DerValue {
  budget.values -= 1;
  if (budget.values < 0) fail('it has too many values');
  if (depth > maxDepth) fail('it is nested too deeply');
  const tag = bytes[at];
  if (tag === undefined) return fail('it ends early');
  if ((tag & 0x1f) === 0x1f) fail('it has a high tag number');
  const { length, start } = readLength(bytes, at + 1, fail);
  const end = start + length;
  if (end > bytes.length) fail('a length points beyond its end');
  const content = bytes.subarray(start, end);
  const children: DerValue[] = [];
  if ((tag & 0x20) !== 0) {
    for (let inner = 0; inner < content.length;) {
      const child = readAt(content, inner, depth + 1, budget, fail);
      children.push(child);
      inner += child.bytes.length;
    }
  }
  return { tag, content, bytes: bytes.subarray(at, end), children };
}

function readLength(
  bytes: Buffer,
  at: number,
  fail: (why: string) => never,
): { readonly length: number; readonly start: number } {
  const first = bytes[at];
  if (first === undefined) return fail('it ends early');
  if (first < 0x80) return { length: first, start: at + 1 };
  const count = first & 0x7f;
  if (count === 0 || count > 4) fail('a length is indefinite or too long');
  if (at + 1 + count > bytes.length) fail('it ends early');
  const length = bytes.readUIntBE(at + 1, count);
  if (length < 0x80 || bytes[at + 1] === 0) fail('a length is not in its shortest form');
  return { length, start: at + 1 + count };
}

/** Dotted form of an OBJECT IDENTIFIER. */
export function oidOf(value: DerValue | undefined): string | null {
  if (value?.tag !== derTag.oid || value.content.length === 0 || value.content.length > 40) return null;
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const byte of value.content) {
    if (arc === 0n && byte === 0x80) return null; // padded arc
    arc = (arc << 7n) | BigInt(byte & 0x7f);
    if (byte >= 0x80) continue;
    arcs.push(arc);
    arc = 0n;
  }
  if ((value.content.at(-1) ?? 0x80) >= 0x80) return null;
  const [first = 0n, ...rest] = arcs;
  const root = first < 80n ? first / 40n : 2n;
  return [root, first - root * 40n, ...rest].join('.');
}

/** Hex of a positive INTEGER of at most 20 bytes, upper case, without leading zeros; null for any other. */
export function positiveIntegerOf(value: DerValue | undefined): string | null {
  if (value?.tag !== derTag.integer) return null;
  const [first, second] = value.content;
  if (first === undefined || first >= 0x80) return null;
  if (first === 0 && second !== undefined && second < 0x80) return null; // not the shortest form
  const hex = value.content
    .toString('hex')
    .toUpperCase()
    .replace(/^(00)+/, '');
  return hex === '' || hex.length > 40 ? null : hex;
}

/** UTCTime or GeneralizedTime as RFC 5280 allows them: with seconds, in UTC. */
export function timeOf(value: DerValue | undefined): Date | null {
  const text = value?.content.toString('latin1') ?? '';
  const full =
    value?.tag === derTag.utcTime && /^\d{12}Z$/.test(text)
      ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}`
      : text;
  if (value?.tag !== derTag.utcTime && value?.tag !== derTag.generalizedTime) return null;
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full);
  if (parts === null) return null;
  const [, year, month, day, hour, minute, second] = parts;
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(date.getTime()) ? null : date;
}
