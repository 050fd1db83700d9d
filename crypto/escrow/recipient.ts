import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { cryptoError } from '../errors.ts';

/** How keys are sealed: JOSE for people and programs, RSA_AES_KEY_WRAP_SHA_256 for import into HSMs and key services. */
export type ExportFormat = 'jwe' | 'rsa-aes-key-wrap';

/** Whoever keys are sealed to. */
export type Recipient = {
  readonly publicKey: KeyObject;
  /** Public members only. */
  readonly jwk: JsonWebKey;
  /** @see https://www.rfc-editor.org/rfc/rfc7638 */
  readonly thumbprint: string;
};

const minRsaBits = 3_072;
const maxRsaBits = 8_192;
const curves: ReadonlySet<unknown> = new Set(['P-256', 'P-384', 'P-521']);

/**
 * Takes a public JWK of the recipient.
 *
 * @throws ERR_CRYPTO_INPUT for a private or weak one, or a kind that the format does not take
 */
export function readRecipient(given: Readonly<Record<string, unknown>>, format: ExportFormat): Recipient {
  if ('d' in given || 'k' in given)
    throw cryptoError('ERR_CRYPTO_INPUT', 'the recipient is a private key; give its public half only');
  let publicKey: KeyObject;
  try {
    publicKey = createPublicKey({ key: given as JsonWebKey, format: 'jwk' }); // node checks it
  } catch (cause) {
    throw cryptoError('ERR_CRYPTO_INPUT', 'the recipient must be a public key as a JWK', { cause });
  }
  const { kty, n, e, crv, x, y } = publicKey.export({ format: 'jwk' });
  if (kty === 'RSA') {
    const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
    if (bits < minRsaBits || bits > maxRsaBits)
      throw cryptoError(
        'ERR_CRYPTO_INPUT',
        `the RSA key has ${bits} bits; give ${minRsaBits} to ${maxRsaBits}`,
      );
    return { publicKey, jwk: { e, kty, n } as JsonWebKey, thumbprint: thumbprintOf({ e, kty, n }) }; // node exports all three
  }
  if (kty === 'EC' && curves.has(crv) && format === 'jwe')
    return { publicKey, jwk: { crv, kty, x, y } as JsonWebKey, thumbprint: thumbprintOf({ crv, kty, x, y }) }; // as above
  throw cryptoError(
    'ERR_CRYPTO_INPUT',
    format === 'jwe'
      ? 'the recipient must be an RSA key, or an EC key on P-256, P-384 or P-521'
      : 'rsa-aes-key-wrap takes an RSA key',
  );
}

/** Members in the order of their names, as RFC 7638 section 3 has it. */
const thumbprintOf = (members: object): string =>
  createHash('sha256').update(JSON.stringify(members)).digest('base64url');
