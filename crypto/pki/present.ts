import type { z } from 'zod';
import { toPem } from './build-certificate.ts';
import { fingerprintOf } from './parts.ts';
import { renewAfterFraction } from './profiles.ts';
import type { authoritySchema, certificateSchema, inspectionSchema } from './schema.ts';
import type { Authority, Certificate, Inspection } from './types.ts';

/** As the API tells it. */
export function presentCertificate(certificate: Certificate, now: Date): z.input<typeof certificateSchema> {
  const { der, notBefore, notAfter, revokedAt, createdAt, names, ...rest } = certificate;
  return {
    ...rest,
    names: names.map(({ kind, value }) => ({ kind, value })),
    state: stateOf(certificate, now),
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    revokedAt: revokedAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
    certificate: toPem('CERTIFICATE', der),
  };
}

function stateOf(
  { revokedAt, notAfter, notBefore, renewedBy }: Certificate,
  now: Date,
): z.input<typeof certificateSchema>['state'] {
  if (revokedAt !== null) return 'revoked';
  if (notAfter <= now) return 'expired';
  if (renewedBy !== null) return 'renewed';
  const due = notBefore.getTime() + (notAfter.getTime() - notBefore.getTime()) * renewAfterFraction;
  return due <= now.getTime() ? 'due' : 'valid';
}

/** As the API tells it. @param crlUrl - where the list is for everybody */
export function presentAuthority(authority: Authority, crlUrl: string): z.input<typeof authoritySchema> {
  const { id, algorithm, generation, subject, crlNumber, crlEntries } = authority;
  return {
    ...{ id, algorithm, generation, subject, crlUrl, crlNumber, crlEntries },
    fingerprint: fingerprintOf(authority.der),
    notBefore: authority.notBefore.toISOString(),
    notAfter: authority.notAfter.toISOString(),
    certificate: toPem('CERTIFICATE', authority.der),
    crl: toPem('X509 CRL', authority.crl),
    crlThisUpdate: authority.crlThisUpdate.toISOString(),
    crlNextUpdate: authority.crlNextUpdate.toISOString(),
  };
}

/** As the API tells it. */
export function presentInspection(inspection: Inspection): z.input<typeof inspectionSchema> {
  return {
    ...inspection,
    purposes: [...inspection.purposes],
    findings: [...inspection.findings],
    notBefore: inspection.notBefore.toISOString(),
    notAfter: inspection.notAfter.toISOString(),
  };
}
