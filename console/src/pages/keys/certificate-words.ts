import { useLingui } from '@lingui/react/macro';
import type { Certificate } from '../../api/types.ts';
import type { Tone } from '../../ui/state-tag.tsx';

/** Profiles that are issued. */
export const profiles: readonly Certificate['profile'][] = ['mtls-server', 'mtls-client', 'saml-signing'];
/** Reasons of a revocation, as lists carry them. */
export const revocationReasons: readonly NonNullable<Certificate['revocationReason']>[] = [
  'unspecified',
  'key_compromise',
  'affiliation_changed',
  'superseded',
  'cessation_of_operation',
  'privilege_withdrawn',
];

/** Tone of a certificate's state. */
export const certificateTones: Readonly<Record<Certificate['state'], Tone>> = {
  valid: 'good',
  due: 'warn',
  renewed: 'idle',
  expired: 'bad',
  revoked: 'bad',
};

/** Words of certificates. */
export function useCertificateWords() {
  const { t } = useLingui();
  const states: Record<Certificate['state'], string> = {
    valid: t`valid`,
    due: t`renewal is due`,
    renewed: t`has a successor`,
    expired: t`expired`,
    revoked: t`revoked`,
  };
  const kinds: Record<Certificate['profile'], string> = {
    'mtls-server': t`TLS server`,
    'mtls-client': t`TLS client`,
    'saml-signing': t`SAML signing`,
  };
  const reasons: Record<NonNullable<Certificate['revocationReason']>, string> = {
    unspecified: t`no reason given`,
    key_compromise: t`its key may be in other hands`,
    affiliation_changed: t`it belongs to somebody else now`,
    superseded: t`another took its place`,
    cessation_of_operation: t`the service is no more`,
    privilege_withdrawn: t`it may not any more`,
  };
  return {
    state: (state: Certificate['state']) => states[state],
    profile: (profile: Certificate['profile']) => kinds[profile],
    reason: (reason: NonNullable<Certificate['revocationReason']>) => reasons[reason],
  };
}
