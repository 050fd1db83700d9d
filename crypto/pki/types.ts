import type { KeyObject } from 'node:crypto';
import type { CallContext } from '../../kernel/index.ts';
import type { Actor } from '../types.ts';

/** Key algorithms that are issued for. An authority is RSA-3072 or P-256. */
export type KeyAlgorithm = 'rsa-2048' | 'rsa-3072' | 'ec-p256';
/** Key algorithms of an authority. */
export type AuthorityAlgorithm = 'rsa-3072' | 'ec-p256';
/** What a certificate is for; decides its key usage, extended key usage and longest life. */
export type ProfileName = 'mtls-client' | 'mtls-server' | 'saml-signing';
/** A subject alternative name. */
export type AlternativeName = { readonly kind: 'dns' | 'ip' | 'uri'; readonly value: string };

/** Why a certificate is revoked. @see https://www.rfc-editor.org/rfc/rfc5280#section-5.3.1 */
export type RevocationReason =
  | 'unspecified'
  | 'key_compromise'
  | 'affiliation_changed'
  | 'superseded'
  | 'cessation_of_operation'
  | 'privilege_withdrawn';

/** What is asked for. Exactly one of `csr` and our own key; `names` may be left out when a CSR carries them. */
export type IssueRequest = {
  readonly profile: ProfileName;
  /** 1..64 characters. */
  readonly commonName: string;
  readonly names?: readonly AlternativeName[];
  /** Algorithm of the key we make, default `ec-p256` (`rsa-3072` for SAML); the authority's algorithm follows. */
  readonly algorithm?: KeyAlgorithm;
  /** Days, 1 up to the profile's longest. */
  readonly days?: number;
  /** PKCS#10 in PEM; then the key is the caller's and never known here. */
  readonly csr?: string;
  /** Signed by its own key instead of an authority; SAML only, where it is the default. */
  readonly selfSigned?: boolean;
  /** Whether its private key may leave in a bundle; default false, meaningless with a CSR. */
  readonly exportable?: boolean;
};

/** A certificate as it is kept; no private key. */
export type Certificate = {
  readonly id: string;
  readonly authorityId: string | null;
  /** Hex, as OpenSSL prints it, upper case. */
  readonly serial: string;
  readonly profile: ProfileName;
  readonly commonName: string;
  readonly names: readonly AlternativeName[];
  readonly algorithm: KeyAlgorithm | 'ec-p384' | 'rsa-4096';
  readonly der: Buffer;
  /** SHA-256 over the DER, hex. */
  readonly fingerprint: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly keyHeld: boolean;
  readonly exportable: boolean;
  /** The certificate that this one renews. */
  readonly renews: string | null;
  readonly renewedBy: string | null;
  readonly revokedAt: Date | null;
  readonly revocationReason: RevocationReason | null;
  readonly createdAt: Date;
};

/** An authority with its newest revocation list; no private key. */
export type Authority = {
  readonly id: string;
  readonly algorithm: AuthorityAlgorithm;
  readonly generation: number;
  readonly subject: string;
  readonly der: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly crl: Buffer;
  readonly crlNumber: number;
  readonly crlThisUpdate: Date;
  readonly crlNextUpdate: Date;
  readonly crlEntries: number;
};

/** Everything one end of a mutual TLS connection holds, PEM where OpenSSL wants text. */
export type MutualTlsMaterial = {
  /** Own certificate. */
  readonly certificate: string;
  readonly privateKey: KeyObject;
  /** Trusted authorities. */
  readonly authorities: readonly string[];
  /** One revocation list for each authority; a missing or old one refuses everybody. */
  readonly revocationLists: readonly string[];
};

/** Who asks, and by which call, for the record. */
export type By = { readonly actor: Actor; readonly call?: CallContext };

/** Why and by whom. */
export type Revocation = By & { readonly reason: RevocationReason };

/** How a bundle is wanted. */
export type BundleRequest = {
  readonly format: 'pkcs12' | 'pem';
  /** For `pkcs12`, 12..128 characters; one is made when it is left out. */
  readonly password?: string;
};

/** A certificate, its chain and its private key in one file. */
export type Bundle = {
  readonly format: 'pkcs12' | 'pem';
  readonly content: Buffer;
  /** The password that was made; null when the caller chose it or there is none. */
  readonly password: string | null;
};

/** What a certificate says, read by node:crypto. */
export type Inspection = {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: string;
  readonly fingerprint: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly names: string;
  readonly isAuthority: boolean;
  readonly purposes: readonly string[];
  readonly key: string;
  /** An authority of the tenant that signed it, or null. */
  readonly authorityId: string | null;
  /** What is wrong with it; empty when nothing is. */
  readonly findings: readonly string[];
};

/** How the certificates of a tenant stand. */
export type PkiPosture = {
  readonly valid: number;
  /** Near their end and without a successor. */
  readonly ending: number;
  /** Revocation lists that were not made anew in time and still hold. */
  readonly listsEnding: number;
  /** Revocation lists that are over: everybody is refused. */
  readonly listsOver: number;
};
