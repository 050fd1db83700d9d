import type { Horizon } from '../crypto/index.ts';
import { localDate } from './calendar.ts';
import type { CertificateClaims } from './certificate.ts';

/**
 * Until which day a backup could bring the person back: the day from which none older than the erasure exists, or the one
 * from which none opens any more, whichever is earlier.
 *
 * @param retained - local day until which backups are kept
 */
export function backupClaims(
  keys: Horizon,
  place: { readonly retained: string; readonly timeZone: string; readonly citation: string },
): CertificateClaims['backups'] {
  const { retained, timeZone, citation } = place;
  const until = keys.until === null ? null : localDate(keys.until, timeZone);
  return {
    unreadable: 'key destroyed',
    horizon: until !== null && until < retained ? until : retained,
    retained,
    keys: { until, basis: keys.basis },
    citation,
  };
}

/** The day that a certificate names, without checking it: it is read from our own table. */
export function horizonOfCertificate(jws: string): string | null {
  const payload = Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8');
  const { backups } = JSON.parse(payload) as { backups?: { horizon?: string } }; // claims that we signed
  return backups?.horizon ?? null;
}

/** What `gatehouse dsr verify` says about backups. */
export function describeBackups({ horizon, retained, keys }: CertificateClaims['backups']): string {
  const because =
    keys === undefined || horizon === retained
      ? 'none older than the erasure is kept longer'
      : keys.basis === 'destroyed'
        ? 'the key epoch is destroyed'
        : keys.basis === 'scheduled'
          ? 'the provider destroys the key epoch then'
          : 'the key epoch is destroyed by then, by the standing schedule';
  return `backups could bring the person back until ${horizon} at the latest: ${because}`;
}
