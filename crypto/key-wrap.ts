import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { cryptoError, decryptError } from './errors.ts';

/*
 * AES key wrap, with and without padding. It binds nothing to the key (no associated data), so nothing at rest in this
 * house uses it: it is for the edge, where other key systems speak nothing else (escrow/). node takes inputs that the standards
 * do not know; every length is checked here. @see https://www.rfc-editor.org/rfc/rfc3394, rfc5649, NIST SP 800-38F
 */

const blockBytes = 8;
/** Least wrapped length of KW: two blocks of key and the check block. */
const minWrapped = 3 * blockBytes;
const minPadded = 2 * blockBytes;
const maxKeyBytes = 4_096;
const plainCheck = Buffer.alloc(blockBytes, 0xa6);
const paddedCheck = Buffer.from('a65959a6', 'hex');

type Mode = 'wrap' | 'wrap-pad';

function algorithm(key: KeyObject, mode: Mode): string {
  const bits = (key.symmetricKeySize ?? 0) * 8;
  if (key.type !== 'secret' || ![128, 192, 256].includes(bits))
    throw cryptoError('ERR_CRYPTO_KEY', 'AES key wrap takes a secret KeyObject of 16, 24 or 32 bytes');
  return `id-aes${bits}-${mode}`;
}

const checkOf = (mode: Mode): Buffer => (mode === 'wrap' ? plainCheck : paddedCheck);

function wrap(key: KeyObject, secret: Uint8Array, mode: Mode): Buffer {
  const cipher = createCipheriv(algorithm(key, mode), key, checkOf(mode));
  return Buffer.concat([cipher.update(secret), cipher.final()]);
}

function unwrap(key: KeyObject, wrapped: Uint8Array, mode: Mode): Buffer {
  const decipher = createDecipheriv(algorithm(key, mode), key, checkOf(mode));
  try {
    return Buffer.concat([decipher.update(wrapped), decipher.final()]);
  } catch {
    throw decryptError();
  }
}

/**
 * RFC 3394.
 *
 * @param secret - 16 to 4,096 bytes, a multiple of eight
 * @throws ERR_CRYPTO_KEY
 */
export function wrapKey(key: KeyObject, secret: Uint8Array): Buffer {
  if (secret.length < 2 * blockBytes || secret.length > maxKeyBytes || secret.length % blockBytes !== 0)
    throw cryptoError('ERR_CRYPTO_KEY', 'AES key wrap takes 16 to 4,096 bytes, a multiple of eight');
  return wrap(key, secret, 'wrap');
}

/** @throws ERR_CRYPTO_DECRYPT for every length, check and content that RFC 3394 does not give */
export function unwrapKey(key: KeyObject, wrapped: Uint8Array): KeyObject {
  if (wrapped.length < minWrapped || wrapped.length % blockBytes !== 0) throw decryptError();
  return toSecret(unwrap(key, wrapped, 'wrap'), wrapped.length - blockBytes);
}

/**
 * RFC 5649.
 *
 * @param secret - 1 to 4,096 bytes
 * @throws ERR_CRYPTO_KEY
 */
export function wrapKeyPadded(key: KeyObject, secret: Uint8Array): Buffer {
  if (secret.length === 0 || secret.length > maxKeyBytes)
    throw cryptoError('ERR_CRYPTO_KEY', 'AES key wrap with padding takes 1 to 4,096 bytes');
  return wrap(key, secret, 'wrap-pad');
}

/** @throws ERR_CRYPTO_DECRYPT for every length, check, padding and content that RFC 5649 does not give */
export function unwrapKeyPadded(key: KeyObject, wrapped: Uint8Array): KeyObject {
  if (wrapped.length < minPadded || wrapped.length % blockBytes !== 0) throw decryptError();
  const secret = unwrap(key, wrapped, 'wrap-pad');
  const padding = wrapped.length - blockBytes - secret.length;
  if (padding < 0 || padding >= blockBytes || secret.length === 0) throw decryptError();
  return toSecret(secret, secret.length);
}

function toSecret(bytes: Buffer, length: number): KeyObject {
  const secret = bytes.length === length ? createSecretKey(bytes) : null;
  bytes.fill(0);
  if (secret === null) throw decryptError();
  return secret;
}
