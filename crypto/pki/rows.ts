import { X509Certificate } from 'node:crypto';
import { fingerprintOf } from './parts.ts';
import type { Authority, Certificate } from './types.ts';

/** A row of `crypto.pki_certificate` as the statements give it. */
export type CertificateRow = {
  readonly id: string;
  readonly authority_id: string | null;
  readonly serial: Buffer;
  readonly profile: Certificate['profile'];
  readonly common_name: string;
  readonly names: Certificate['names'];
  readonly algorithm: Certificate['algorithm'];
  readonly certificate: Buffer;
  readonly key_held: boolean;
  readonly exportable: boolean;
  readonly not_before: Date;
  readonly not_after: Date;
  readonly renews: string | null;
  readonly renewed_by: string | null;
  readonly revoked_at: Date | null;
  readonly revocation_reason: Certificate['revocationReason'];
  readonly created_at: Date;
};

/** A row of `crypto.pki_authority` without its key. */
export type AuthorityRow = {
  readonly id: string;
  readonly algorithm: Authority['algorithm'];
  readonly generation: number;
  readonly common_name: string;
  readonly certificate: Buffer;
  readonly not_before: Date;
  readonly not_after: Date;
  readonly crl: Buffer;
  readonly crl_number: number;
  readonly crl_entries: number;
  readonly crl_this_update: Date;
  readonly crl_next_update: Date;
};

/** As it is told outside this folder. */
export function certificateOf(row: CertificateRow): Certificate {
  return {
    id: row.id,
    authorityId: row.authority_id,
    serial: row.serial.toString('hex').toUpperCase(),
    profile: row.profile,
    commonName: row.common_name,
    names: row.names,
    algorithm: row.algorithm,
    der: row.certificate,
    fingerprint: fingerprintOf(row.certificate),
    notBefore: row.not_before,
    notAfter: row.not_after,
    keyHeld: row.key_held,
    exportable: row.exportable,
    renews: row.renews,
    renewedBy: row.renewed_by,
    revokedAt: row.revoked_at,
    revocationReason: row.revocation_reason,
    createdAt: row.created_at,
  };
}

/** As it is told outside this folder. */
export function authorityOf(row: AuthorityRow): Authority {
  return {
    id: row.id,
    algorithm: row.algorithm,
    generation: row.generation,
    subject: new X509Certificate(row.certificate).subject.replaceAll('\n', ', '),
    der: row.certificate,
    notBefore: row.not_before,
    notAfter: row.not_after,
    crl: row.crl,
    crlNumber: row.crl_number,
    crlThisUpdate: row.crl_this_update,
    crlNextUpdate: row.crl_next_update,
    crlEntries: row.crl_entries,
  };
}
