import type { Tx } from '../../db/index.ts';
import { platformTenantId, type TenantId } from '../../kernel/index.ts';
import { listAuthorities, publishCrl } from './authority.ts';
import { certificateExpiring, revocationListExpiring } from './events.ts';
import { hourMilliseconds, system, type PkiDeps } from './parts.ts';
import { crlAlarmHours, crlRefreshHours, renewAfterFraction } from './profiles.ts';
import { renew } from './renew.ts';
import { certificateOf, type CertificateRow } from './rows.ts';
import { countCertificates, readDueCertificates } from './store.ts';
import type { Authority, Certificate, PkiPosture } from './types.ts';

/** What a round of maintenance did for a tenant. */
export type Maintenance = {
  readonly renewed: number;
  readonly lists: number;
  readonly alarms: number;
  readonly failures: number;
};

const dueLimit = 200;

/**
 * Renews what is due, signs revocation lists anew, raises alarms; for one tenant. Doing it again changes nothing. One thing
 * that fails does not keep the others from their turn.
 */
export async function maintain(deps: PkiDeps, tenantId: TenantId): Promise<Maintenance> {
  const done = { renewed: 0, lists: 0, alarms: 0, failures: 0 };
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      done.failures += 1;
      deps.logger.error(`${what} failed; it is tried again with the next round`, { error, tenantId });
    }
  };
  const { authorities, due } = await deps.database.withTenant(tenantId, (tx) => readState(tx, deps), {
    readOnly: true,
  });
  for (const authority of authorities) {
    if (deps.clock.now().getTime() - authority.crlThisUpdate.getTime() >= crlRefreshHours * hourMilliseconds)
      await attempt('signing a revocation list', async () => {
        await deps.crypto.warm(tenantId);
        await deps.database.withTenant(tenantId, (tx) =>
          publishCrl(tx, deps, authority.id, { actor: system }),
        );
        done.lists += 1;
      });
  }
  for (const certificate of due)
    await attempt('renewing a certificate', async () => {
      if (canRenew(certificate)) {
        await renew(deps, tenantId, certificate.id, { actor: system });
        done.renewed += 1;
      } else {
        await alarmCertificate(deps, tenantId, certificate);
        done.alarms += 1;
      }
    });
  await attempt('looking after revocation lists', async () => {
    done.alarms += await alarmLists(deps, tenantId);
  });
  return done;
}

async function readState(
  tx: Tx,
  deps: PkiDeps,
): Promise<{ readonly authorities: readonly Authority[]; readonly due: readonly Certificate[] }> {
  const now = deps.clock.now();
  const { rows } = await tx.query<CertificateRow>(readDueCertificates, [
    ...[tx.tenantId, now, renewAfterFraction, dueLimit],
  ]);
  const authorities = (await listAuthorities(tx)).filter(({ notAfter }) => notAfter > now);
  return { authorities, due: rows.map(certificateOf) };
}

/** SAML certificates are not renewed by themselves: the other side must know the new one first. */
const canRenew = ({ keyHeld, profile }: Certificate): boolean => keyHeld && profile !== 'saml-signing';

async function alarmCertificate(deps: PkiDeps, tenantId: TenantId, certificate: Certificate): Promise<void> {
  const { id, serial, profile, notAfter } = certificate;
  deps.logger.warn('a certificate must be renewed by hand', { tenantId, certificateId: id, notAfter });
  await deps.audit().record({
    definition: certificateExpiring,
    tenantId,
    outcome: 'failure',
    reason: 'needs_renewal',
    actor: system,
    targets: [{ type: 'crypto.certificate', id }],
    detail: { certificateId: id, serial, profile, notAfter: notAfter.toISOString() },
    idempotencyKey: `certificate-expiring-${id}`,
  });
}

/** After the lists had their chance to be made anew: those that were not. */
async function alarmLists(deps: PkiDeps, tenantId: TenantId): Promise<number> {
  const now = deps.clock.now();
  const authorities = await deps.database.withTenant(tenantId, listAuthorities, { readOnly: true });
  const late = authorities.filter(
    ({ notAfter, crlNextUpdate }) =>
      notAfter > now && crlNextUpdate.getTime() - now.getTime() < crlAlarmHours * hourMilliseconds,
  );
  for (const { id, crlNumber, crlNextUpdate } of late) {
    const nextUpdate = crlNextUpdate.toISOString();
    deps.logger.error('a revocation list was not made anew; when it ends, everybody is refused', {
      ...{ tenantId, authorityId: id, nextUpdate },
    });
    await deps.audit().record({
      definition: revocationListExpiring,
      tenantId,
      outcome: 'failure',
      reason: 'not_made_anew',
      actor: system,
      targets: [{ type: 'crypto.authority', id }],
      detail: { authorityId: id, number: crlNumber, nextUpdate },
      idempotencyKey: `revocation-list-expiring-${id}-${crlNumber}`,
    });
  }
  return late.length;
}

/** How the certificates of a tenant stand, for the overview. */
export async function readPosture(tx: Tx, deps: Pick<PkiDeps, 'clock'>): Promise<PkiPosture> {
  const now = deps.clock.now();
  const soon = new Date(now.getTime() + 14 * 24 * hourMilliseconds);
  const { rows } = await tx.query<{ readonly valid: number; readonly ending: number }>(countCertificates, [
    ...[tx.tenantId, now, soon],
  ]);
  const inForce = (await listAuthorities(tx)).filter(({ notAfter }) => notAfter > now);
  const hoursLeft = inForce.map(
    ({ crlNextUpdate }) => (crlNextUpdate.getTime() - now.getTime()) / hourMilliseconds,
  );
  return {
    valid: rows[0]?.valid ?? 0,
    ending: rows[0]?.ending ?? 0,
    listsEnding: hoursLeft.filter((hours) => hours > 0 && hours < crlAlarmHours).length,
    listsOver: hoursLeft.filter((hours) => hours <= 0).length,
  };
}

/** Of the house's own authorities, for readiness: over means that no data service can be reached. */
export const readPlatformPosture = (deps: PkiDeps): Promise<PkiPosture> =>
  deps.database.withTenant(platformTenantId, (tx) => readPosture(tx, deps), { readOnly: true });
