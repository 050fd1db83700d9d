import { createPublicKey } from 'node:crypto';
import { encode, integer, sequence, tagged, time, type Der } from './der.ts';
import { authorityKey, crlNumber, reasonCode } from './extensions.ts';
import type { Issuer } from './build-certificate.ts';
import { keyIdentifier, signatureAlgorithm, signDer } from './keys.ts';
import { distinguishedName } from './names.ts';
import { readCrl } from './read-crl.ts';
import type { RevocationReason } from './types.ts';

/** One line of a revocation list. */
export type RevokedEntry = {
  readonly serial: Buffer;
  readonly revokedAt: Date;
  readonly reason: RevocationReason;
};

/** A version 2 revocation list, signed by the authority and checked before it is given away. */
export function buildCrl(
  issuer: Issuer,
  list: {
    readonly number: number;
    readonly thisUpdate: Date;
    readonly nextUpdate: Date;
    readonly entries: readonly RevokedEntry[];
  },
): Buffer {
  const entries = list.entries.map(({ serial, revokedAt, reason }): Der =>
    sequence(integer(serial), time(revokedAt), ...reasonCode(reason)),
  );
  const toBeSigned = sequence(
    integer(1), // version 2
    signatureAlgorithm(issuer.privateKey),
    distinguishedName(issuer.commonName),
    time(list.thisUpdate),
    time(list.nextUpdate),
    ...(entries.length === 0 ? [] : [sequence(...entries)]), // RFC 5280 section 5.1.2.6: absent when empty
    tagged(0, sequence(authorityKey(keyIdentifier(issuer.publicKey)), crlNumber(list.number))),
  );
  const der = encode(signDer(toBeSigned, encode(toBeSigned), issuer.privateKey));
  readCrl(der, [createPublicKey(issuer.privateKey)]);
  return der;
}
