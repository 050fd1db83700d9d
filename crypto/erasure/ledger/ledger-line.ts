import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../../../kernel/index.ts';

/** One destroyed key, as the ledger outside the database names it; no personal data. */
export const ledgerRecord = z.strictObject({
  tenant: z.uuid(),
  id: z.uuid(),
  kid: z.string().regex(/^[0-9a-f]{16}$/),
  epoch: z.int().min(1),
  subject: z.string().regex(/^[0-9a-f]{64}$/),
  request: z.string().min(1).max(200),
  reason: z.string().min(1).max(500),
  actorKind: z.string().min(1).max(40),
  actorId: z.string().min(1).max(200),
  at: z.iso.datetime(),
});

/** One destroyed key. */
export type LedgerRecord = z.infer<typeof ledgerRecord>;

const header = z.strictObject({
  format: z.literal('gatehouse-shred-ledger/1'),
  file: z.uuid(),
  key: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  at: z.iso.datetime(),
});
const entry = ledgerRecord.extend({ n: z.int().min(1), prev: z.string().regex(/^[0-9a-f]{64}$/) });
const line = z.strictObject({ body: z.union([header, entry]), sig: z.string().regex(/^[A-Za-z0-9_-]{86}$/) });

/** Who signs. */
export type LedgerSigner = {
  readonly keyId: string;
  readonly publicKeyBytes: Buffer;
  readonly sign: (data: Uint8Array) => Buffer;
};

/** The first line of a file. */
export type LedgerHeader = z.infer<typeof header>;

/** A line as it was read: what it says, its number and the hash that the next one names. */
export type ReadLine =
  | { readonly kind: 'header'; readonly header: LedgerHeader; readonly sig: string; readonly hash: string }
  | {
      readonly kind: 'entry';
      readonly record: LedgerRecord;
      readonly n: number;
      readonly prev: string;
      readonly sig: string;
      readonly hash: string;
    };

/** SHA-256 of a line without its line feed, lower-case hex. */
export const hashOfLine = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

/** The first line of a new file. */
export function headerLine(file: string, at: Date, signer: LedgerSigner): string {
  const key = signer.publicKeyBytes.toString('base64url');
  return signed({ format: 'gatehouse-shred-ledger/1', file, key, at: at.toISOString() }, signer);
}

/** Line `n` of a file, `n` counted from 1 after the header. */
export function entryLine(record: LedgerRecord, n: number, prev: string, signer: LedgerSigner): string {
  return signed({ ...record, n, prev }, signer);
}

function signed(body: Readonly<Record<string, string | number>>, signer: LedgerSigner): string {
  const sig = signer.sign(Buffer.from(canonicalJson(body), 'utf8')).toString('base64url');
  return canonicalJson({ body, sig });
}

/** @returns null for what is no line of this format */
export function parseLine(text: string): ReadLine | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const parsed = line.safeParse(value);
  if (!parsed.success) return null;
  const { body, sig } = parsed.data;
  const hash = hashOfLine(text);
  if ('format' in body) return { kind: 'header', header: body, sig, hash };
  const { n, prev, ...record } = body;
  return { kind: 'entry', record, n, prev, sig, hash };
}

/** Whether the key of the file's header has signed this line. */
export function isSigned(read: ReadLine, key: KeyObject): boolean {
  const body = read.kind === 'header' ? read.header : { ...read.record, n: read.n, prev: read.prev };
  return verify(null, Buffer.from(canonicalJson(body), 'utf8'), key, Buffer.from(read.sig, 'base64url'));
}

/** A raw Ed25519 public key, as a header has it. */
export function ledgerKey(raw: string): {
  readonly keyId: string;
  readonly bytes: Buffer;
  readonly key: KeyObject;
} {
  const bytes = Buffer.from(raw, 'base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw }, format: 'jwk' });
  return { keyId: createHash('sha256').update(bytes).digest('hex').slice(0, 16), bytes, key };
}
