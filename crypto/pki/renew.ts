import { GatehouseError, notFound, type TenantId } from '../../kernel/index.ts';
import { findCertificate, issue } from './issue.ts';
import type { PkiDeps } from './parts.ts';
import { certificateError } from './pki-error.ts';
import { backdateMilliseconds } from './profiles.ts';
import type { By, Certificate, IssueRequest } from './types.ts';

/**
 * Issues the successor of a certificate with the same names, profile and length of life, and a new key. Both are good
 * until the older one ends or is revoked. Asked again it gives the same successor.
 *
 * @param csr - needed when the key of the certificate was never ours
 * @throws ERR_CONFLICT for a revoked certificate
 */
export async function renew(
  deps: PkiDeps,
  tenantId: TenantId,
  id: string,
  { csr, ...by }: By & { readonly csr?: string },
): Promise<Certificate> {
  const before = await deps.database.withTenant(
    tenantId,
    async (tx) => {
      const found = await findCertificate(tx, id);
      const successor = found?.renewedBy == null ? null : await findCertificate(tx, found.renewedBy);
      return { found, successor };
    },
    { readOnly: true },
  );
  if (before.found === null) throw notFound('certificate', id);
  if (before.successor !== null) return before.successor;
  return issue(deps, tenantId, requestOf(before.found, csr), by, id);
}

function requestOf(certificate: Certificate, csr: string | undefined): IssueRequest {
  if (certificate.revokedAt !== null)
    throw new GatehouseError('ERR_CONFLICT', 'a revoked certificate is not renewed; issue a new one', {
      status: 409,
    });
  if (certificate.keyHeld === (csr !== undefined))
    throw certificateError(
      certificate.keyHeld
        ? 'the key of this certificate is made here: renew it without a CSR'
        : 'the key of this certificate is yours: renew it with a CSR of a new key',
    );
  const life = certificate.notAfter.getTime() - certificate.notBefore.getTime() - backdateMilliseconds;
  const common = {
    profile: certificate.profile,
    commonName: certificate.commonName,
    names: certificate.names,
    days: Math.max(1, Math.round(life / 86_400_000)),
    ...(certificate.profile === 'saml-signing' ? { selfSigned: certificate.authorityId === null } : {}),
  };
  if (csr !== undefined) return { ...common, csr };
  const { algorithm, exportable } = certificate;
  if (algorithm === 'ec-p384' || algorithm === 'rsa-4096')
    throw certificateError(`a key of ${algorithm} is not made here`);
  return { ...common, algorithm, exportable };
}
