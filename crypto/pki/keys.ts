import { createHash, generateKeyPair, sign, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { bits, nullValue, oid, sequence, type Der } from './der.ts';
import { certificateError } from './pki-error.ts';
import type { AuthorityAlgorithm, Certificate, KeyAlgorithm } from './types.ts';

/** A key pair of node:crypto. */
export type KeyPair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject };

const generate = promisify(generateKeyPair);

/** Makes a key pair off the event loop; an RSA key takes up to a second, so never inside a transaction. */
export async function makeKeyPair(algorithm: KeyAlgorithm): Promise<KeyPair> {
  if (algorithm === 'ec-p256') return generate('ec', { namedCurve: 'P-256' });
  return generate('rsa', { modulusLength: algorithm === 'rsa-2048' ? 2048 : 3072, publicExponent: 65_537 });
}

/** The algorithm of a key that may stand in a certificate. @throws ERR_CRYPTO_CERTIFICATE for any other */
export function algorithmOf(key: KeyObject): Certificate['algorithm'] {
  const { modulusLength = 0, publicExponent = 0n, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec') {
    if (namedCurve === 'prime256v1') return 'ec-p256';
    if (namedCurve === 'secp384r1') return 'ec-p384';
    throw certificateError(`a key on curve ${namedCurve ?? 'of its own'} is not taken; use P-256 or P-384`);
  }
  if (key.asymmetricKeyType !== 'rsa')
    throw certificateError(`a key of type ${key.asymmetricKeyType ?? 'unknown'} is not taken; use RSA or EC`);
  if (publicExponent !== 65_537n)
    throw certificateError('an RSA key must have the public exponent 65537; make a new one');
  if (modulusLength === 2048) return 'rsa-2048';
  if (modulusLength === 3072) return 'rsa-3072';
  if (modulusLength === 4096) return 'rsa-4096';
  throw certificateError(`an RSA key of ${modulusLength} bits is not taken; use 2048, 3072 or 4096`);
}

/** The authority whose signature the ends of a connection can check when they hold such a key. */
export const authorityFor = (algorithm: Certificate['algorithm']): AuthorityAlgorithm =>
  algorithm.startsWith('rsa') ? 'rsa-3072' : 'ec-p256';

/** AlgorithmIdentifier of what {@link signDer} makes: ECDSA without parameters, RSA with NULL. */
export function signatureAlgorithm(key: KeyObject): Der {
  return key.asymmetricKeyType === 'ec'
    ? sequence(oid('1.2.840.10045.4.3.2'))
    : sequence(oid('1.2.840.113549.1.1.11'), nullValue());
}

/** Joins what is signed, the algorithm, and a SHA-256 signature of node:crypto. */
export function signDer(toBeSigned: Der, bytes: Buffer, key: KeyObject): Der {
  const signature = sign('sha256', bytes, key);
  return sequence(toBeSigned, signatureAlgorithm(key), bits(signature));
}

/**
 * 20 bytes that name a public key.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7093#section-2 method 1
 */
export function keyIdentifier(publicKey: KeyObject): Buffer {
  return createHash('sha256').update(publicKeyBits(publicKey)).digest().subarray(0, 20);
}

/** The BIT STRING inside a SubjectPublicKeyInfo that node:crypto exported. */
function publicKeyBits(publicKey: KeyObject): Buffer {
  if (publicKey.asymmetricKeyType === 'rsa') return publicKey.export({ format: 'der', type: 'pkcs1' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  return Buffer.concat([Uint8Array.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}
