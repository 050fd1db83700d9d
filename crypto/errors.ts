import { GatehouseError } from '../kernel/index.ts';

/** What can go wrong with keys and ciphertext. */
export type CryptoErrorCode =
  | 'ERR_CRYPTO_DECRYPT'
  | 'ERR_CRYPTO_SHREDDED'
  | 'ERR_CRYPTO_KEY_EXHAUSTED'
  | 'ERR_CRYPTO_INPUT'
  | 'ERR_CRYPTO_PLAN'
  | 'ERR_CRYPTO_UNSEAL'
  | 'ERR_CRYPTO_ROOT'
  | 'ERR_CRYPTO_KEY_REVOKED'
  | 'ERR_CRYPTO_PROVIDER'
  | 'ERR_CRYPTO_SHARE'
  | 'ERR_CRYPTO_KEY'
  | 'ERR_CRYPTO_SECOND_PERSON'
  | 'ERR_CRYPTO_APPROVAL'
  | 'ERR_CRYPTO_COLUMN'
  | 'ERR_CRYPTO_CERTIFICATE';

/** Why a decryption failed; for the log and the audit trail, never for the caller. */
export type DecryptCause =
  'format' | 'unknown_key' | 'scope' | 'authentication' | 'packing' | 'encoding' | 'data_key' | 'tenant_key';

const statuses: Readonly<Record<CryptoErrorCode, number>> = {
  ERR_CRYPTO_DECRYPT: 500,
  ERR_CRYPTO_SHREDDED: 410,
  ERR_CRYPTO_KEY_EXHAUSTED: 503,
  ERR_CRYPTO_INPUT: 400,
  ERR_CRYPTO_PLAN: 500,
  ERR_CRYPTO_UNSEAL: 503,
  ERR_CRYPTO_ROOT: 503,
  ERR_CRYPTO_KEY_REVOKED: 503,
  ERR_CRYPTO_PROVIDER: 422,
  ERR_CRYPTO_SHARE: 403,
  ERR_CRYPTO_KEY: 500,
  ERR_CRYPTO_SECOND_PERSON: 403,
  ERR_CRYPTO_APPROVAL: 409,
  ERR_CRYPTO_COLUMN: 409,
  ERR_CRYPTO_CERTIFICATE: 400,
};

/** Answers above 499 whose words a caller needs: who must act stands in them, and no secret. */
const exposed: ReadonlySet<CryptoErrorCode> = new Set(['ERR_CRYPTO_KEY_REVOKED']);

/** An error of this room. */
export function cryptoError(
  code: CryptoErrorCode,
  message: string,
  extra: {
    readonly cause?: unknown;
    readonly details?: Readonly<Record<string, unknown>>;
    readonly expose?: boolean;
  } = {},
): GatehouseError<CryptoErrorCode> {
  return new GatehouseError(code, message, {
    status: statuses[code],
    ...(exposed.has(code) ? { expose: true } : {}),
    ...extra,
  });
}

/** The one outward error of every failed decryption: it never says what failed. */
export function decryptError(): GatehouseError<CryptoErrorCode> {
  return new GatehouseError('ERR_CRYPTO_DECRYPT', 'the value cannot be decrypted; the log says why', {
    status: statuses.ERR_CRYPTO_DECRYPT,
    expose: true,
  });
}
