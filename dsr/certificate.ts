import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { leafHash, openCheckpoint, parseVerifierKey, verifyInclusion } from '../audit/index.ts';
import { isGatehouseError } from '../kernel/index.ts';
import { canonicalJson, type CanonicalValue } from './canonical-json.ts';
import { dsrError } from './errors.ts';

const hex64 = z.string().regex(/^[0-9a-f]{64}$/);
const base64 = z
  .string()
  .max(100_000)
  .regex(/^[A-Za-z0-9+/]*={0,2}$/);

/** What a certificate says. No member is personal data: the subject is a keyed hash that only the controller can compute. */
export const certificateClaims = z.strictObject({
  format: z.literal('gatehouse-erasure-certificate/1'),
  iss: z.string().max(500),
  jti: z.uuid(),
  iat: z.int(),
  requestId: z.uuid(),
  subjectHash: hex64.nullable(),
  law: z.strictObject({ id: z.string(), version: z.int(), right: z.string() }),
  receivedAt: z.string(),
  completedAt: z.string(),
  /** The certificate that this one goes on from: its id and the SHA-256 of its compact form. */
  follows: z.strictObject({ jti: z.uuid(), sha256: hex64 }).optional(),
  planHash: hex64,
  receiptsRoot: hex64,
  receipts: z.int(),
  erased: z.array(z.strictObject({ collection: z.string(), action: z.string(), rows: z.int() })).max(10_000),
  exemptions: z
    .array(
      z.strictObject({
        collection: z.string(),
        code: z.string(),
        citation: z.string(),
        until: z.string().nullable(),
        rows: z.int(),
      }),
    )
    .max(10_000),
  /** What was looked through before this was signed; `deferred` names what is read in whole afterwards. */
  absence: z.strictObject({
    scope: z.enum(['indexed', 'full']),
    fullScan: z.enum(['done', 'deferred']),
    tables: z.int(),
    columns: z.int(),
    findingsUnderExemption: z.int(),
    sharedIdentifiers: z.int(),
  }),
  backups: z.strictObject({
    unreadable: z.literal('key destroyed'),
    /** The day until which a backup could bring the person back. */
    horizon: z.string(),
    /** The day until which backups older than the erasure are kept; certificates before this member had it as horizon. */
    retained: z.string().optional(),
    /** The day from which no backup opens what the destroyed keys sealed, and what that rests on. */
    keys: z
      .strictObject({
        until: z.string().nullable(),
        basis: z.enum(['destroyed', 'scheduled', 'standing_schedule', 'none', 'no_key']),
      })
      .optional(),
    citation: z.string(),
  }),
  log: z.strictObject({
    vkey: z.string(),
    checkpoint: z.string(),
    index: z.int(),
    treeSize: z.int(),
    hashes: z.array(base64).max(64),
    entry: base64,
  }),
});

/** The claims of a certificate. */
export type CertificateClaims = z.infer<typeof certificateClaims>;

/** Signs with the tenant's certificate key. */
export type CertificateSigner = { readonly keyId: string; readonly sign: (data: Uint8Array) => Buffer };

const headerSchema = z.strictObject({
  alg: z.literal('EdDSA'),
  kid: z.string().min(1).max(200),
  typ: z.literal('gatehouse-erasure+jws'),
});

/** Writes the compact JWS. @see https://www.rfc-editor.org/rfc/rfc7515#section-7.1 */
export function signCertificate(claims: CertificateClaims, signer: CertificateSigner): string {
  const part = (value: CanonicalValue): string => Buffer.from(canonicalJson(value)).toString('base64url');
  const header = part({ alg: 'EdDSA', kid: signer.keyId, typ: 'gatehouse-erasure+jws' });
  const input = `${header}.${part(claims as CanonicalValue)}`; // every claim is a canonical value by its schema
  return `${input}.${signer.sign(Buffer.from(input)).toString('base64url')}`;
}

/** A raw 32-byte Ed25519 public key as a key object. */
export function certificateKey(raw: Uint8Array): KeyObject {
  return createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(raw).toString('base64url') },
    format: 'jwk',
  });
}

/** What a verification found. */
export type Verification =
  | {
      readonly valid: true;
      readonly keyId: string;
      readonly claims: CertificateClaims;
      readonly checks: readonly string[];
    }
  | { readonly valid: false; readonly reason: string };

/**
 * Checks a certificate without asking anybody: signature, then that the event of completion stands in the signed log and
 * speaks of the same request, plan and receipts.
 *
 * @param keyOf - the public key that a key id names, or null when it is not trusted
 */
export function verifyCertificate(jws: string, keyOf: (keyId: string) => KeyObject | null): Verification {
  try {
    const { claims, keyId } = checkSignature(jws.trim(), keyOf);
    checkLog(claims);
    return {
      valid: true,
      keyId,
      claims,
      checks: [
        'signature',
        'log checkpoint signature',
        'inclusion of the completion event',
        'event speaks of this request, plan and receipts',
      ],
    };
  } catch (error) {
    if (isGatehouseError(error)) return { valid: false, reason: error.message };
    return { valid: false, reason: 'the certificate is malformed' };
  }
}

const refuse = (why: string): Error => dsrError('ERR_DSR_CERTIFICATE_INVALID', why, { status: 422 });

function checkSignature(
  jws: string,
  keyOf: (keyId: string) => KeyObject | null,
): { readonly claims: CertificateClaims; readonly keyId: string } {
  const match = /^([A-Za-z0-9_-]{1,1000})\.([A-Za-z0-9_-]{1,200000})\.([A-Za-z0-9_-]{86})$/.exec(jws);
  if (match === null) throw refuse('it is not a compact JWS with an Ed25519 signature');
  const [, header = '', payload = '', signature = ''] = match;
  const parsed = headerSchema.safeParse(JSON.parse(Buffer.from(header, 'base64url').toString('utf8')));
  if (!parsed.success) throw refuse('its header is not that of an erasure certificate');
  const key = keyOf(parsed.data.kid);
  if (key === null) throw refuse(`its key "${parsed.data.kid}" is not among the trusted ones`);
  if (!verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url')))
    throw refuse('its signature is wrong');
  const claims = certificateClaims.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
  if (!claims.success) throw refuse('its claims are not those of version 1');
  return { claims: claims.data, keyId: parsed.data.kid };
}

const entrySchema = z.object({
  action: z.literal('dsr.request_completed'),
  detail: z.object({ requestId: z.string(), planHash: z.string(), receiptsRoot: z.string().nullable() }),
});

function checkLog({ log, requestId, planHash, receiptsRoot }: CertificateClaims): void {
  const checkpoint = openCheckpoint(log.checkpoint, parseVerifierKey(log.vkey));
  if (checkpoint.size !== log.treeSize) throw refuse('the checkpoint is of another tree size');
  const entry = Buffer.from(log.entry, 'base64');
  const hashes = log.hashes.map((hash) => Buffer.from(hash, 'base64'));
  verifyInclusion({
    index: log.index,
    treeSize: log.treeSize,
    leafHash: leafHash(entry),
    hashes,
    root: checkpoint.root,
  });
  const event = entrySchema.safeParse(JSON.parse(entry.toString('utf8')));
  if (!event.success) throw refuse('the logged event is not a completion');
  const { detail } = event.data;
  if (
    detail.requestId !== requestId ||
    detail.planHash !== planHash ||
    detail.receiptsRoot !== receiptsRoot
  ) {
    throw refuse('the logged event speaks of another request, plan or receipts');
  }
}
