import { X509Certificate, type KeyObject } from 'node:crypto';
import type { RandomBytes } from '../../kernel/index.ts';
import { embedOwn, encode, integer, sequence, tagged, time, type Der } from './der.ts';
import {
  alternativeNames,
  authorityConstraints,
  authorityKey,
  crlDistributionPoint,
  endConstraints,
  extendedKeyUsage,
  keyUsage,
  subjectKey,
} from './extensions.ts';
import { keyIdentifier, signatureAlgorithm, signDer } from './keys.ts';
import { distinguishedName } from './names.ts';
import type { Profile } from './profiles.ts';
import { certificateError } from './pki-error.ts';
import type { AlternativeName } from './types.ts';

/** Who signs. */
export type Issuer = {
  readonly commonName: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
};

/** What is the same in every certificate. */
export type CertificateFacts = {
  /** Magnitude, big-endian; see {@link makeSerial}. */
  readonly serial: Buffer;
  readonly commonName: string;
  readonly publicKey: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
};

/** 16 bytes of the CSPRNG: positive, never shorter, 126 bits of chance. */
export function makeSerial(randomBytes: RandomBytes): Buffer {
  const serial = Buffer.from(randomBytes(16));
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

/** A self-signed authority of path length 0. */
export function buildAuthority(facts: CertificateFacts, privateKey: KeyObject): Buffer {
  const { publicKey, commonName } = facts;
  const identifier = keyIdentifier(publicKey);
  return build(facts, { commonName, privateKey, publicKey }, [
    authorityConstraints(),
    keyUsage(['keyCertSign', 'cRLSign']),
    subjectKey(identifier),
    authorityKey(identifier),
  ]);
}

/** A certificate for an end. @param crlUrl - null where nobody lists revocations: self-signed ones */
export function buildEndCertificate(
  facts: CertificateFacts,
  issuer: Issuer,
  content: {
    readonly profile: Profile;
    readonly names: readonly AlternativeName[];
    readonly crlUrl: string | null;
  },
): Buffer {
  const { profile, names, crlUrl } = content;
  return build(facts, issuer, [
    endConstraints(),
    keyUsage(profile.usages),
    ...(profile.purposes.length === 0 ? [] : [extendedKeyUsage(profile.purposes)]),
    subjectKey(keyIdentifier(facts.publicKey)),
    authorityKey(keyIdentifier(issuer.publicKey)),
    ...(names.length === 0 ? [] : [alternativeNames(names)]),
    ...(crlUrl === null ? [] : [crlDistributionPoint(crlUrl)]),
  ]);
}

function build(facts: CertificateFacts, issuer: Issuer, extensions: readonly Der[]): Buffer {
  const toBeSigned = sequence(
    tagged(0, integer(2)), // version 3
    integer(facts.serial),
    signatureAlgorithm(issuer.privateKey),
    distinguishedName(issuer.commonName),
    sequence(time(facts.notBefore), time(facts.notAfter)),
    distinguishedName(facts.commonName),
    embedOwn(facts.publicKey.export({ format: 'der', type: 'spki' })),
    tagged(3, sequence(...extensions)),
  );
  const der = encode(signDer(toBeSigned, encode(toBeSigned), issuer.privateKey));
  if (!new X509Certificate(der).verify(issuer.publicKey))
    throw certificateError('the certificate that was made does not verify; nothing was issued');
  return der;
}

/** PEM of DER. @param label - such as `CERTIFICATE` or `X509 CRL` */
export function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
