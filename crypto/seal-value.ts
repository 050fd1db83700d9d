import { aeadOpenAt, aeadSealInto, nonceBytes, tagBytes } from './aead.ts';
import { buildAssociatedData, type EncodedContext } from './associated-data.ts';
import {
  bodyOffset,
  extendedBodyOffset,
  extendedSuite,
  headerBytes,
  maxPlaintextBytes,
  portableBodyOffset,
  portableSuite,
  writeHeader,
  type ParsedCiphertext,
} from './ct1.ts';
import { commitmentOf, encryptionKeyOf, extendedKeyOf, type DataKey } from './data-key.ts';
import { equalInConstantTime } from './derive.ts';
import { cryptoError } from './errors.ts';
import type { RandomPool } from './nonce-pool.ts';
import { extendedNonceBytes, xaesOpenAt, xaesSealInto } from './xaes.ts';

/** A suite that holds one value in one piece. */
export type ValueSuite = ParsedCiphertext['suite'];

type Place = { readonly context: EncodedContext; readonly rowId: string };

/** Where the nonce of the seal in hand stands; nothing waits between filling and using it. */
const nonce = Buffer.alloc(nonceBytes);
const extendedNonce = Buffer.alloc(extendedNonceBytes);

/** One CT1 ciphertext under a key at hand; the caller has counted the message. */
export function sealValue(
  key: DataKey,
  suite: ValueSuite,
  place: Place,
  plaintext: Uint8Array,
  random: RandomPool,
): Buffer {
  if (plaintext.length > maxPlaintextBytes) {
    throw cryptoError(
      'ERR_CRYPTO_INPUT',
      `a value of ${plaintext.length} bytes is too long; at most ${maxPlaintextBytes} are sealed`,
    );
  }
  key.sealedBytes += plaintext.length;
  if (suite === extendedSuite) return sealExtended(key, place, plaintext, random);
  const body = suite === portableSuite ? portableBodyOffset : bodyOffset;
  const sealed = Buffer.allocUnsafe(body + plaintext.length + tagBytes);
  writeHeader(sealed, suite, key.scope.kind === 'tenant', key.kidBytes);
  random.fill(nonce, 0, nonceBytes);
  sealed.set(nonce, headerBytes);
  if (suite === portableSuite) sealed.set(commitmentOf(key), bodyOffset);
  const associatedData = buildAssociatedData(sealed, place.context, place.rowId);
  aeadSealInto(encryptionKeyOf(key, suite), nonce, associatedData, plaintext, sealed, body);
  return sealed;
}

function sealExtended(key: DataKey, place: Place, plaintext: Uint8Array, random: RandomPool): Buffer {
  const sealed = Buffer.allocUnsafe(extendedBodyOffset + plaintext.length + tagBytes);
  writeHeader(sealed, extendedSuite, key.scope.kind === 'tenant', key.kidBytes);
  random.fill(extendedNonce, 0, extendedNonceBytes);
  sealed.set(extendedNonce, headerBytes);
  const associatedData = buildAssociatedData(sealed, place.context, place.rowId);
  xaesSealInto(extendedKeyOf(key), extendedNonce, associatedData, plaintext, sealed, extendedBodyOffset);
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
  if (suite === portableSuite && !isCommittedTo(key, bytes)) return null; // before anything is decrypted
  const associatedData = buildAssociatedData(bytes, context, rowId);
  if (suite === extendedSuite) return xaesOpenAt(extendedKeyOf(key), associatedData, bytes, headerBytes);
  const body = suite === portableSuite ? portableBodyOffset : bodyOffset;
  return aeadOpenAt(encryptionKeyOf(key, suite), associatedData, bytes, headerBytes, body);
}

function isCommittedTo(key: DataKey, bytes: Buffer): boolean {
  return equalInConstantTime(bytes.subarray(bodyOffset, portableBodyOffset), commitmentOf(key));
}
