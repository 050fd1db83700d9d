import {
  bits,
  encode,
  enumerated,
  integer,
  octets,
  oid,
  sequence,
  tagged,
  taggedBytes,
  trueValue,
  type Der,
} from './der.ts';
import { generalName } from './names.ts';
import type { AlternativeName, RevocationReason } from './types.ts';

/** Object identifiers of RFC 5280 that we write and read. */
export const extensionOid = Object.freeze({
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  crlNumber: '2.5.29.20',
  reasonCode: '2.5.29.21',
  crlDistributionPoints: '2.5.29.31',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
});

/** Object identifiers of extended key usages. */
export const purposeOid = Object.freeze({ serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' });

/** Bits of key usage, from the left. */
const usageBit = { digitalSignature: 0, keyCertSign: 5, cRLSign: 6 } as const;
/** A key usage that we write. */
export type KeyUsage = keyof typeof usageBit;

function extension(type: string, isCritical: boolean, value: Der): Der {
  return sequence(oid(type), ...(isCritical ? [trueValue()] : []), octets(encode(value)));
}

/** An authority that signs end certificates only: path length 0. */
export const authorityConstraints = (): Der =>
  extension(extensionOid.basicConstraints, true, sequence(trueValue(), integer(0)));
/** Not an authority. */
export const endConstraints = (): Der => extension(extensionOid.basicConstraints, true, sequence());

/** Critical key usage in its shortest BIT STRING. */
export function keyUsage(usages: readonly KeyUsage[]): Der {
  const positions = usages.map((usage) => usageBit[usage]);
  const byte = positions.reduce<number>((sum, position) => sum | (0x80 >> position), 0);
  return extension(extensionOid.keyUsage, true, bits(Uint8Array.of(byte), 7 - Math.max(...positions)));
}

/** Extended key usage. */
export const extendedKeyUsage = (purposes: readonly (keyof typeof purposeOid)[]): Der =>
  extension(extensionOid.extendedKeyUsage, false, sequence(...purposes.map((name) => oid(purposeOid[name]))));
/** Names the subject's key. */
export const subjectKey = (identifier: Buffer): Der =>
  extension(extensionOid.subjectKeyIdentifier, false, octets(identifier));
/** Names the issuer's key. */
export const authorityKey = (identifier: Buffer): Der =>
  extension(extensionOid.authorityKeyIdentifier, false, sequence(taggedBytes(0, identifier)));
/** Alternative names. */
export const alternativeNames = (names: readonly AlternativeName[]): Der =>
  extension(extensionOid.subjectAltName, false, sequence(...names.map(generalName)));
/** Where the revocation list is. */
export const crlDistributionPoint = (url: string): Der =>
  extension(
    extensionOid.crlDistributionPoints,
    false,
    sequence(sequence(tagged(0, tagged(0, taggedBytes(6, Buffer.from(url, 'ascii')))))),
  );
/** Number of a revocation list, 1..2^53. */
export const crlNumber = (number: number): Der => extension(extensionOid.crlNumber, false, integer(number));

/** Codes of RFC 5280 section 5.3.1. */
export const reasonCodes: Readonly<Record<RevocationReason, number>> = Object.freeze({
  unspecified: 0,
  key_compromise: 1,
  affiliation_changed: 3,
  superseded: 4,
  cessation_of_operation: 5,
  privilege_withdrawn: 9,
});
/** Why one certificate is revoked; `unspecified` is not written. */
export const reasonCode = (reason: RevocationReason): readonly Der[] =>
  reason === 'unspecified'
    ? []
    : [sequence(extension(extensionOid.reasonCode, false, enumerated(reasonCodes[reason])))];
