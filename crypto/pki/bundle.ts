import type { Tx } from '../../db/index.ts';
import { GatehouseError, notFound, type TenantId } from '../../kernel/index.ts';
import { listAuthorities } from './authority.ts';
import { toPem } from './build-certificate.ts';
import { certificateExported } from './events.ts';
import { findCertificate } from './issue.ts';
import { openKey, type PkiDeps } from './parts.ts';
import { buildPkcs12, requirePassword } from './pkcs12.ts';
import { readSealedKey } from './store.ts';
import type { Bundle, BundleRequest, By, Certificate } from './types.ts';

const passwordBytes = 18;

/**
 * A certificate with its private key, to be carried elsewhere; only when it was issued as exportable.
 *
 * @throws ERR_CONFLICT when its key may not leave, was never here, or it is revoked
 */
export async function bundle(
  deps: PkiDeps,
  tenantId: TenantId,
  id: string,
  { format, password, ...by }: BundleRequest & By,
): Promise<Bundle> {
  const generated = deps.randomBytes(passwordBytes);
  const chosen = password ?? Buffer.from(generated).toString('base64url');
  requirePassword(chosen);
  await deps.crypto.warm(tenantId);
  const { certificate, chain, privateKey } = await deps.database.withTenant(tenantId, (tx) =>
    openForExport(tx, deps, id, { format, by }),
  );
  const name = certificate.commonName;
  if (format === 'pkcs12')
    return {
      format,
      content: await buildPkcs12({ name, password: chosen, privateKey, chain }, deps.randomBytes),
      password: password === undefined ? chosen : null,
    };
  const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const pem = key + chain.map((der) => toPem('CERTIFICATE', der)).join('');
  return { format, content: Buffer.from(pem, 'ascii'), password: null };
}

async function openForExport(
  tx: Tx,
  deps: PkiDeps,
  id: string,
  { format, by }: { readonly format: Bundle['format']; readonly by: By },
) {
  const certificate = await findCertificate(tx, id);
  if (certificate === null) throw notFound('certificate', id);
  requireExportable(certificate);
  const { rows } = await tx.query<{ readonly sealed_private_key: Buffer }>(readSealedKey, [tx.tenantId, id]);
  const sealed = rows[0]?.sealed_private_key ?? Buffer.alloc(0);
  const privateKey = await openKey(tx, deps, { kind: 'end', id }, sealed);
  const authorities = await listAuthorities(tx);
  const issuer = authorities.find((authority) => authority.id === certificate.authorityId);
  await deps.audit().append(tx, {
    definition: certificateExported,
    tenantId: tx.tenantId,
    outcome: 'success',
    ...by,
    targets: [{ type: 'crypto.certificate', id }],
    detail: { certificateId: id, serial: certificate.serial, format },
  });
  return { certificate, chain: [certificate.der, ...(issuer === undefined ? [] : [issuer.der])], privateKey };
}

function requireExportable({ keyHeld, exportable, revokedAt }: Certificate): void {
  const why = !keyHeld
    ? 'its private key was made elsewhere and is not here'
    : !exportable
      ? 'it was issued with a key that stays here; issue another with "exportable": true, or from a CSR'
      : revokedAt !== null
        ? 'it is revoked'
        : null;
  if (why !== null)
    throw new GatehouseError('ERR_CONFLICT', `this certificate cannot leave in a bundle: ${why}`, {
      status: 409,
    });
}
