import { z } from 'zod';

const time = z.iso.datetime();
const hex = z.string().max(64);
const profile = z.enum(['mtls-client', 'mtls-server', 'saml-signing']);
const name = z.object({ kind: z.enum(['dns', 'ip', 'uri']), value: z.string().min(1).max(512) });
const reason = z.enum([
  'unspecified',
  'key_compromise',
  'affiliation_changed',
  'superseded',
  'cessation_of_operation',
  'privilege_withdrawn',
]);
const csr = z.string().max(30_000);

/** `POST /v1/crypto/certificates`. */
export const issueBody = z.strictObject({
  profile,
  commonName: z.string().min(1).max(64),
  names: z.array(name).max(32).optional(),
  algorithm: z.enum(['rsa-2048', 'rsa-3072', 'ec-p256']).optional(),
  days: z.number().int().min(1).max(1_095).optional(),
  csr: csr.optional(),
  selfSigned: z.boolean().optional(),
  exportable: z.boolean().optional(),
});
/** `POST …/renew`. */
export const renewBody = z.strictObject({ csr: csr.optional() });
/** `POST …/revoke`. */
export const revokeBody = z.strictObject({ reason });
/** `POST …/bundle`. */
export const bundleBody = z.strictObject({
  format: z.enum(['pkcs12', 'pem']).default('pkcs12'),
  password: z.string().min(12).max(128).optional(),
});
/** `POST …/inspect`. */
export const inspectBody = z.strictObject({ certificate: z.string().max(32_768) });
/** `GET /v1/crypto/certificates`. */
export const listQuery = z.object({
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  profile: profile.optional(),
});
/** Paths with one id. */
export const idParams = z.object({ id: z.string().max(64) });
/** `GET /v1/crypto/crl/{tenantId}/{authorityId}`. */
export const crlParams = z.object({ tenantId: z.string().max(64), authorityId: z.string().max(64) });

/** A certificate; `certificate` is PEM. */
export const certificateSchema = z.object({
  id: z.uuid(),
  authorityId: z.uuid().nullable(),
  serial: hex,
  profile,
  commonName: z.string(),
  names: z.array(name),
  algorithm: z.string(),
  fingerprint: hex,
  state: z.enum(['valid', 'due', 'renewed', 'expired', 'revoked']),
  notBefore: time,
  notAfter: time,
  keyHeld: z.boolean(),
  exportable: z.boolean(),
  renews: z.uuid().nullable(),
  renewedBy: z.uuid().nullable(),
  revokedAt: time.nullable(),
  revocationReason: reason.nullable(),
  createdAt: time,
  certificate: z.string(),
});
/** A page of certificates. */
export const certificatesSchema = z.object({
  items: z.array(certificateSchema),
  nextCursor: z.string().nullable(),
});
/** What a certificate says and what is wrong with it. */
export const inspectionSchema = z.object({
  subject: z.string(),
  issuer: z.string(),
  serial: z.string(),
  fingerprint: z.string(),
  notBefore: time,
  notAfter: time,
  names: z.string(),
  isAuthority: z.boolean(),
  purposes: z.array(z.string()),
  key: z.string(),
  authorityId: z.uuid().nullable(),
  findings: z.array(z.string()),
});
/** One certificate with its inspection; `samlMetadata` only for SAML. */
export const certificateDetailSchema = certificateSchema.extend({
  inspection: inspectionSchema,
  samlMetadata: z.string().nullable(),
});
/** A bundle; `content` is base64. */
export const bundleSchema = z.object({
  format: z.enum(['pkcs12', 'pem']),
  fileName: z.string(),
  content: z.string(),
  password: z.string().nullable(),
});
/** An authority with its newest revocation list, both PEM. */
export const authoritySchema = z.object({
  id: z.uuid(),
  algorithm: z.string(),
  generation: z.number().int(),
  subject: z.string(),
  fingerprint: hex,
  notBefore: time,
  notAfter: time,
  certificate: z.string(),
  crl: z.string(),
  crlUrl: z.string(),
  crlNumber: z.number().int(),
  crlEntries: z.number().int(),
  crlThisUpdate: time,
  crlNextUpdate: time,
});
/** Every authority of the tenant. */
export const authoritiesSchema = z.object({ items: z.array(authoritySchema) });
