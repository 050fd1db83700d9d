import { verify, type KeyObject } from 'node:crypto';
import { derTag, oidOf, positiveIntegerOf, readDer, timeOf, type DerValue } from './der-reader.ts';
import { certificateError } from './pki-error.ts';

/** What a revocation list says, once its signature was checked. */
export type RevocationList = {
  /** DER of the issuer's name. */
  readonly issuer: Buffer;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** Serial numbers in hex, upper case. */
  readonly serials: ReadonlySet<string>;
  /** The key that signed it. */
  readonly signedBy: KeyObject;
};

const maxCrlBytes = 8 * 1_048_576;
const signatureOids = new Set(['1.2.840.10045.4.3.2', '1.2.840.113549.1.1.11']);

/**
 * Reads a revocation list as {@link buildCrl} makes them; node:crypto checks the signature.
 *
 * @param keys - public keys of the trusted authorities
 * @throws ERR_CRYPTO_CERTIFICATE when none of them signed it, or it is not such a list
 */
export function readCrl(der: Buffer, keys: readonly KeyObject[]): RevocationList {
  const refuse = (why: string): Error => certificateError(`the revocation list ${why}; fetch it again`);
  const { tag, children } = readDer(der, 'revocation list', maxCrlBytes);
  const [body, algorithm, signature, ...rest] = children;
  const isShaped = tag === derTag.sequence && signature?.tag === derTag.bitString && rest.length === 0;
  if (!isShaped || body === undefined || algorithm === undefined) throw refuse('is not one');
  const [version, inner, issuer, thisUpdate, nextUpdate, ...others] = body.children;
  const isSameAlgorithm = inner?.bytes.equals(algorithm.bytes) === true;
  if (!isSameAlgorithm || !signatureOids.has(oidOf(algorithm.children[0]) ?? ''))
    throw refuse('is signed by an algorithm that is not ECDSA or RSA with SHA-256');
  const signedBy = keys.find((key) => verifies(key, algorithm, body.bytes, signature.content));
  if (signedBy === undefined) throw refuse('is not signed by a trusted authority');
  const [from, until] = [timeOf(thisUpdate), timeOf(nextUpdate)];
  if (
    version?.content.equals(Uint8Array.of(1)) !== true ||
    issuer === undefined ||
    from === null ||
    until === null
  )
    throw refuse('lacks its version, issuer or dates');
  const entries = others[0]?.tag === derTag.sequence ? others[0].children : [];
  const serials = new Set<string>();
  for (const entry of entries) {
    const serial = positiveIntegerOf(entry.children[0]);
    if (serial === null || timeOf(entry.children[1]) === null)
      throw refuse('has an entry that cannot be read');
    serials.add(serial);
  }
  return { issuer: issuer.bytes, thisUpdate: from, nextUpdate: until, serials, signedBy };
}

function verifies(key: KeyObject, algorithm: DerValue, body: Buffer, signature: Buffer): boolean {
  const isEc = oidOf(algorithm.children[0]) === '1.2.840.10045.4.3.2';
  if (isEc !== (key.asymmetricKeyType === 'ec') || signature[0] !== 0) return false;
  return verify('sha256', body, key, signature.subarray(1));
}
