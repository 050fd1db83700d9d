import type { Tx } from '../../db/index.ts';
import { notFound, type Clock, type TenantId } from '../../kernel/index.ts';
import { listAuthorities } from './authority.ts';
import { toPem } from './build-certificate.ts';
import { openKey, type PkiDeps } from './parts.ts';
import { certificateOf, type CertificateRow } from './rows.ts';
import { pkiChannel, readCurrentCertificate, readSealedKey } from './store.ts';
import type { MutualTlsMaterial } from './types.ts';

/** Whose certificate: by name, so that a renewed one takes over. */
export type CertificateName = {
  readonly profile: 'mtls-client' | 'mtls-server';
  readonly commonName: string;
};

/** What one end of a connection holds now: its newest certificate, every trusted authority, every list. */
export async function readMaterial(tx: Tx, deps: PkiDeps, name: CertificateName): Promise<MutualTlsMaterial> {
  const { rows } = await tx.query<CertificateRow>(readCurrentCertificate, [
    ...[tx.tenantId, name.profile, name.commonName, deps.clock.now()],
  ]);
  if (rows[0] === undefined) throw notFound(`${name.profile} certificate`, name.commonName);
  const { id, der } = certificateOf(rows[0]);
  const sealed = await tx.query<{ readonly sealed_private_key: Buffer }>(readSealedKey, [tx.tenantId, id]);
  const privateKey = await openKey(
    ...([tx, deps, { kind: 'end', id }, sealed.rows[0]?.sealed_private_key ?? Buffer.alloc(0)] as const),
  );
  return { certificate: toPem('CERTIFICATE', der), privateKey, ...(await readTrust(tx, deps.clock)) };
}

/** Authorities that have not ended, with their lists, in PEM. */
export async function readTrust(
  tx: Tx,
  clock: Clock,
): Promise<Pick<MutualTlsMaterial, 'authorities' | 'revocationLists'>> {
  const now = clock.now();
  const authorities = (await listAuthorities(tx)).filter(({ notAfter }) => notAfter > now);
  return {
    authorities: authorities.map(({ der }) => toPem('CERTIFICATE', der)),
    revocationLists: authorities.map(({ crl }) => toPem('X509 CRL', crl)),
  };
}

/**
 * Calls back with new material whenever certificates or lists of the tenant change on any process.
 *
 * @returns ends it
 */
export async function watchMaterial(
  deps: PkiDeps,
  tenantId: TenantId,
  name: CertificateName,
  onMaterial: (material: MutualTlsMaterial) => void,
): Promise<() => void> {
  let isEnded = false;
  let running: Promise<void> = Promise.resolve();
  const reload = (): void => {
    running = running.then(async () => {
      if (isEnded) return;
      try {
        onMaterial(
          await deps.database.withTenant(tenantId, (tx) => readMaterial(tx, deps, name), { readOnly: true }),
        );
      } catch (error) {
        deps.logger.error('changed certificates could not be read; the old ones go on', { error, tenantId });
      }
    });
  };
  const end = await deps.database.listener.subscribe(pkiChannel, (payload) => {
    if (payload === tenantId) reload();
  });
  deps.database.listener.onReconnect(reload); // what was told meanwhile is unknown
  return () => {
    isEnded = true;
    end();
  };
}
