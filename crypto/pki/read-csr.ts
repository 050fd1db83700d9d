import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { encode, nullValue, oid, sequence } from './der.ts';
import { derTag, oidOf, positiveIntegerOf, readDer, type DerValue } from './der-reader.ts';
import { extensionOid } from './extensions.ts';
import { algorithmOf } from './keys.ts';
import { checkNames } from './names.ts';
import { readNames } from './read-names.ts';
import { certificateError } from './pki-error.ts';
import type { AlternativeName, Certificate } from './types.ts';

/** What we take from a certificate request: its key, proved to be held, and the names it asks for. */
export type SigningRequest = {
  readonly publicKey: KeyObject;
  readonly algorithm: Certificate['algorithm'];
  readonly names: readonly AlternativeName[];
};

const maxCsrBytes = 16_384;
const extensionRequestOid = '1.2.840.113549.1.9.14';
type Scheme = { readonly hash: string; readonly type: 'rsa' | 'ec'; readonly algorithm: Buffer };
const rsa = (last: number, hash: string): Scheme => ({
  hash,
  type: 'rsa',
  algorithm: encode(sequence(oid(`1.2.840.113549.1.1.${last}`), nullValue())),
});
const ecdsa = (last: number, hash: string): Scheme => ({
  hash,
  type: 'ec',
  algorithm: encode(sequence(oid(`1.2.840.10045.4.3.${last}`))),
});
/** Signature algorithms by their one encoding; SHA-1 and what is older are not here. */
const schemes: readonly Scheme[] = [
  rsa(11, 'sha256'),
  rsa(12, 'sha384'),
  rsa(13, 'sha512'),
  ecdsa(2, 'sha256'),
  ecdsa(3, 'sha384'),
  ecdsa(4, 'sha512'),
];
/** Extensions that may stand in a request: names are taken, key usages are ours to decide, an authority is never made. */
const ignored = new Set<string>([
  extensionOid.keyUsage,
  extensionOid.extendedKeyUsage,
  extensionOid.subjectKeyIdentifier,
]);

const refuse = (why: string): Error => certificateError(`the certificate request ${why}`);

/**
 * Reads a PKCS#10 request strictly and checks the proof of possession with node:crypto. Its subject is not taken: who
 * issues names the common name.
 *
 * @param pem - at most 16 KiB of DER
 * @throws ERR_CRYPTO_CERTIFICATE saying what is wrong
 * @see https://www.rfc-editor.org/rfc/rfc2986
 */
export function readCsr(pem: string): SigningRequest {
  const der = derOfPem(pem);
  const { tag, children } = readDer(der, 'certificate request', maxCsrBytes);
  const [info, algorithm, signature, ...rest] = children;
  const isShaped = tag === derTag.sequence && signature?.tag === derTag.bitString && rest.length === 0;
  if (!isShaped || info?.tag !== derTag.sequence)
    throw refuse('is not a PKCS#10 request; make it with `openssl req -new`');
  const [version, subject, spki, attributes, ...more] = info.children;
  if (
    version?.content.equals(Uint8Array.of(0)) !== true ||
    subject?.tag !== derTag.sequence ||
    more.length > 0
  )
    throw refuse('is not of version 1');
  const publicKey = readPublicKey(spki);
  const keyAlgorithm = algorithmOf(publicKey);
  const scheme = schemes.find((known) => algorithm !== undefined && known.algorithm.equals(algorithm.bytes));
  if (scheme === undefined || scheme.type !== publicKey.asymmetricKeyType)
    throw refuse('must be signed with RSA or ECDSA and SHA-256, SHA-384 or SHA-512');
  if (
    signature.content[0] !== 0 ||
    !verify(scheme.hash, info.bytes, publicKey, signature.content.subarray(1))
  )
    throw refuse('does not prove that its private key is held: its signature is wrong');
  return { publicKey, algorithm: keyAlgorithm, names: checkNames(readAttributes(attributes)) };
}

function derOfPem(pem: string): Buffer {
  const match =
    /^\s*-----BEGIN (NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]{1,30000})-----END (NEW )?CERTIFICATE REQUEST-----\s*$/.exec(
      pem,
    );
  if (match === null) throw refuse('must be one PEM block "CERTIFICATE REQUEST"; at most 16 KiB');
  return Buffer.from(match[2] ?? '', 'base64');
}

function readPublicKey(spki: DerValue | undefined): KeyObject {
  try {
    return createPublicKey({ key: spki?.bytes ?? Buffer.alloc(0), format: 'der', type: 'spki' });
  } catch {
    throw refuse('has a public key that cannot be read');
  }
}

function readAttributes(attributes: DerValue | undefined): readonly AlternativeName[] {
  if (attributes === undefined) return [];
  if (attributes.tag !== 0xa0) throw refuse('has attributes in the wrong place');
  const requests = attributes.children.filter(({ children }) => oidOf(children[0]) === extensionRequestOid);
  if (requests.length === 0) return [];
  const values = requests[0]?.children[1];
  const extensions = values?.children[0];
  if (requests.length > 1 || values?.children.length !== 1 || extensions?.tag !== derTag.sequence)
    throw refuse('asks for extensions twice');
  return readExtensions(extensions.children);
}

function readExtensions(extensions: readonly DerValue[]): readonly AlternativeName[] {
  const seen = new Set<string>();
  let names: readonly AlternativeName[] = [];
  for (const { children } of extensions) {
    const type = oidOf(children[0]) ?? '';
    const value = children.at(-1);
    if (seen.has(type)) throw refuse(`holds extension ${type} twice`);
    seen.add(type);
    if (value?.tag !== derTag.octetString || children.length > 3)
      throw refuse('has an extension that cannot be read');
    if (type === extensionOid.basicConstraints) refuseAuthority(value);
    else if (type === extensionOid.subjectAltName) names = readNames(value.content, 'certificate request');
    else if (!ignored.has(type))
      throw refuse(`asks for extension ${type === '' ? 'without a type' : type}, which is not issued`);
  }
  return names;
}

function refuseAuthority(value: DerValue): void {
  const constraints = readDer(value.content, 'basic constraints', 64);
  if (constraints.tag !== derTag.sequence || constraints.children.length > 0)
    throw refuse('asks to be an authority (CA:true); only end certificates are issued');
}

/** Serial number of a certificate's DER, null when it is negative, zero or too long. */
export function serialOf(certificate: Buffer): string | null {
  const [body] = readDer(certificate, 'certificate', 65_536).children;
  const first = body?.children[0];
  return positiveIntegerOf(first?.tag === 0xa0 ? body?.children[1] : first);
}
