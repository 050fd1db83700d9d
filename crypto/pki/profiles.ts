import type { KeyUsage } from './extensions.ts';
import type { KeyAlgorithm, ProfileName } from './types.ts';

/** What a certificate of a kind holds and how long it may live. */
export type Profile = {
  readonly usages: readonly KeyUsage[];
  readonly purposes: readonly ('serverAuth' | 'clientAuth')[];
  readonly algorithm: KeyAlgorithm;
  readonly days: number;
  readonly maxDays: number;
  /** Whether it means nothing without alternative names. */
  readonly needsNames: boolean;
};

/** @see docs/design/0060-certificates.md */
export const profiles: Readonly<Record<ProfileName, Profile>> = Object.freeze({
  'mtls-client': {
    usages: ['digitalSignature'],
    purposes: ['clientAuth'],
    algorithm: 'ec-p256',
    days: 90,
    maxDays: 397,
    needsNames: true,
  },
  'mtls-server': {
    usages: ['digitalSignature'],
    purposes: ['serverAuth'],
    algorithm: 'ec-p256',
    days: 90,
    maxDays: 397,
    needsNames: true,
  },
  'saml-signing': {
    usages: ['digitalSignature'],
    purposes: [],
    algorithm: 'rsa-3072',
    days: 730,
    maxDays: 1_095,
    needsNames: false,
  },
});

/** Life of an authority: the longest profile and as long again for its successors. */
export const authorityDays = 3_650;
/** Certificates begin a little in the past, because clocks differ. */
export const backdateMilliseconds = 5 * 60_000;
/** A certificate is renewed when this part of its life is over. */
export const renewAfterFraction = 2 / 3;
/** How long a revocation list is good for. */
export const crlDays = 7;
/** A list is made anew when it is this old. */
export const crlRefreshHours = 24;
/** From here on a list that was not made anew is an alarm. */
export const crlAlarmHours = 72;
