import { aeadOpenAt, aeadSealInto, nonceBytes } from './aead.ts';
import { buildAssociatedData, type EncodedContext } from './associated-data.ts';
import {
  bodyOffset,
  headerBytes,
  maxPlaintextBytes,
  overheadBytes,
  writeHeader,
  type ParsedCiphertext,
} from './ct1.ts';
import { encryptionKeyOf, type DataKey } from './data-key.ts';
import type { Suite } from './derive.ts';
import { cryptoError } from './errors.ts';
import type { RandomPool } from './nonce-pool.ts';

/** Where the nonce of the seal in hand stands; nothing waits between filling and using it. */
const nonce = Buffer.alloc(nonceBytes);

/** One CT1 ciphertext under a key at hand; the caller has counted the message. */
export function sealValue(
  key: DataKey,
  suite: Suite,
  place: { readonly context: EncodedContext; readonly rowId: string },
  plaintext: Uint8Array,
  random: RandomPool,
): Buffer {
  if (plaintext.length > maxPlaintextBytes) {
    throw cryptoError(
      'ERR_CRYPTO_INPUT',
      `a value of ${plaintext.length} bytes is too long; at most ${maxPlaintextBytes} are sealed`,
    );
  }
  const sealed = Buffer.allocUnsafe(overheadBytes + plaintext.length);
  writeHeader(sealed, suite, key.scope.kind === 'tenant', key.kidBytes);
  random.fill(nonce, 0, nonceBytes);
  sealed.set(nonce, headerBytes);
  const associatedData = buildAssociatedData(sealed, place.context, place.rowId);
  aeadSealInto(encryptionKeyOf(key, suite), nonce, associatedData, plaintext, sealed, bodyOffset);
  return sealed;
}

/** @returns the plaintext, or null when it is not authentic */
export function openValue(
  key: DataKey,
  parsed: ParsedCiphertext,
  context: EncodedContext,
  rowId: string,
): Buffer | null {
  const { bytes, suite } = parsed;
  const associatedData = buildAssociatedData(bytes, context, rowId);
  return aeadOpenAt(encryptionKeyOf(key, suite), associatedData, bytes, headerBytes);
}
