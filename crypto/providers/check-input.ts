import { keyBytes } from '../derive.ts';
import { cryptoError } from '../errors.ts';

/** Bounds of what `wrap` gives and `crypto.kek` stores. */
export const minWrappedBytes = 32;
/** See {@link minWrappedBytes}. */
export const maxWrappedBytes = 4_096;

/** For the first line of every `wrap`. @throws ERR_CRYPTO_INPUT when the key has not 32 bytes */
export function requireWrappableKey(key: Buffer): void {
  if (key.length === keyBytes) return;
  throw cryptoError('ERR_CRYPTO_INPUT', `a root provider wraps keys of ${keyBytes} bytes, not ${key.length}`);
}

/** Whether a provider can have made a blob of this length; asked before it is sent anywhere. */
export function isWrappedLength(wrapped: Buffer): boolean {
  return wrapped.length >= minWrappedBytes && wrapped.length <= maxWrappedBytes;
}
