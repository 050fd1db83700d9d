/** What a person may ask in this version. */
export type RequestType = 'access' | 'erasure';
/** All request types, for schemas. */
export const requestTypes = ['access', 'erasure'] as const;
/** Laws with a pack. */
export const lawIds = ['gdpr', 'ccpa'] as const;
/** A law with a pack. */
export type LawId = (typeof lawIds)[number];

/** How long an answer may take. */
export type Period =
  | { readonly kind: 'months'; readonly months: number; readonly rollsToWorkingDay: boolean }
  | { readonly kind: 'days'; readonly days: number; readonly rollsToWorkingDay: boolean };

/** A period with the text that sets it. */
export type CitedPeriod = { readonly period: Period; readonly citation: string };

/** A law as data. A pack never changes: a change of law is a new version, and requests keep the version they began with. */
export type LawPack = {
  readonly id: LawId;
  readonly version: number;
  readonly title: string;
  /** The right that each type rests on. */
  readonly rights: Readonly<Record<RequestType, string>>;
  readonly respond: CitedPeriod;
  /** The whole period after an extension, counted from receipt. */
  readonly respondExtended: CitedPeriod;
  /** Confirmation of receipt, in business days. */
  readonly acknowledge: { readonly businessDays: number; readonly citation: string } | null;
  /** Whether the clock stands still while identity data that is needed is outstanding. */
  readonly pause: { readonly allowed: boolean; readonly citation: string };
  /** Days without proof of identity after which an open request expires. */
  readonly unverifiedAfterDays: number;
  /** Data categories (prefixes of the taxonomy) that an access package describes but never shows. */
  readonly neverDisclose: readonly string[];
  readonly neverDiscloseCitation: string | null;
  /** Where a refused person can turn to. */
  readonly complaint: string;
  readonly backups: string;
};

const gdpr: LawPack = {
  id: 'gdpr',
  version: 1,
  title: 'General Data Protection Regulation (EU) 2016/679',
  rights: { access: 'GDPR Article 15', erasure: 'GDPR Article 17' },
  respond: {
    period: { kind: 'months', months: 1, rollsToWorkingDay: true },
    citation: 'GDPR Article 12(3); Regulation 1182/71 Article 3(1), (2)(c), (4)',
  },
  respondExtended: {
    period: { kind: 'months', months: 3, rollsToWorkingDay: true },
    citation: 'GDPR Article 12(3) second sentence; Regulation 1182/71 Article 3(1), (2)(c), (4)',
  },
  acknowledge: null,
  pause: { allowed: true, citation: 'GDPR Article 12(6); EDPB Guidelines 01/2022, section 5.3' },
  unverifiedAfterDays: 30,
  neverDisclose: [],
  neverDiscloseCitation: null,
  complaint:
    'GDPR Article 12(4): complaint to a supervisory authority (Article 77) or judicial remedy (Article 79)',
  backups: 'GDPR Article 17(1); backups become unreadable by destruction of the key',
};

const ccpa: LawPack = {
  id: 'ccpa',
  version: 1,
  title: 'California Consumer Privacy Act, as amended by the CPRA',
  rights: { access: 'Cal. Civ. Code 1798.110', erasure: 'Cal. Civ. Code 1798.105' },
  respond: {
    period: { kind: 'days', days: 45, rollsToWorkingDay: false },
    citation: '11 CCR 7021(b); Cal. Civ. Code 1798.130(a)(2)(A)',
  },
  respondExtended: {
    period: { kind: 'days', days: 90, rollsToWorkingDay: false },
    citation: '11 CCR 7021(b): at most 90 calendar days with notice; Cal. Civ. Code 1798.145(h)(1)',
  },
  acknowledge: { businessDays: 10, citation: '11 CCR 7021(a)' },
  pause: {
    allowed: false,
    citation: '11 CCR 7021(b): regardless of the time required to verify the request',
  },
  unverifiedAfterDays: 45,
  neverDisclose: [
    'user.government_id',
    'user.account.password',
    'user.authorization',
    'user.biometric',
    'user.financial.account_number',
    'user.financial.bank_account',
    'user.payment',
    'user.health_insurance',
  ],
  neverDiscloseCitation: '11 CCR 7024(d)',
  complaint: 'California Privacy Protection Agency or the Attorney General (Cal. Civ. Code 1798.199.45)',
  backups: '11 CCR 7022(d)',
};

const packs: Readonly<Record<LawId, readonly LawPack[]>> = Object.freeze({ gdpr: [gdpr], ccpa: [ccpa] });

/**
 * A pack by id and version.
 *
 * @param version - left out: the newest
 */
export function lawPack(id: LawId, version?: number): LawPack {
  const versions = packs[id];
  const pack = version === undefined ? versions.at(-1) : versions.find((one) => one.version === version);
  if (pack === undefined) throw new RangeError(`law pack "${id}" has no version ${version}`);
  return pack;
}
