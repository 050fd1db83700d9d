import type { Tx } from '../../db/index.ts';
import { notFound, type TenantId } from '../../kernel/index.ts';
import { publishCrl } from './authority.ts';
import { certificateRevoked } from './events.ts';
import { findCertificate } from './issue.ts';
import type { PkiDeps } from './parts.ts';
import { notifyPki, revokeCertificate } from './store.ts';
import type { Certificate, Revocation } from './types.ts';

/** Revokes a certificate and signs the list that names it, in one transaction. A revoked one stays as it is. */
export async function revoke(
  deps: PkiDeps,
  tenantId: TenantId,
  id: string,
  revocation: Revocation,
): Promise<Certificate> {
  await deps.crypto.warm(tenantId);
  return deps.database.withTenant(tenantId, (tx) => revokeIn(tx, deps, id, revocation));
}

async function revokeIn(
  tx: Tx,
  deps: PkiDeps,
  id: string,
  { reason, ...by }: Revocation,
): Promise<Certificate> {
  const { rows } = await tx.query<{ readonly authority_id: string | null; readonly serial: Buffer }>(
    revokeCertificate,
    [tx.tenantId, id, deps.clock.now(), reason],
  );
  const changed = rows[0];
  if (changed !== undefined) {
    await deps.audit().append(tx, {
      definition: certificateRevoked,
      tenantId: tx.tenantId,
      outcome: 'success',
      ...by,
      targets: [{ type: 'crypto.certificate', id }],
      detail: {
        certificateId: id,
        serial: changed.serial.toString('hex').toUpperCase(),
        revocationReason: reason,
      },
    });
    if (changed.authority_id === null) await tx.query(notifyPki, [tx.tenantId]);
    else await publishCrl(tx, deps, changed.authority_id, by);
  }
  const certificate = await findCertificate(tx, id);
  if (certificate === null) throw notFound('certificate', id);
  return certificate;
}
