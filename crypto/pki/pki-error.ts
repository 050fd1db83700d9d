import type { GatehouseError } from '../../kernel/index.ts';
import { cryptoError, type CryptoErrorCode } from '../errors.ts';

/** A certificate, request or revocation list cannot be accepted or made as asked. */
export const certificateError = (message: string): GatehouseError<CryptoErrorCode> =>
  cryptoError('ERR_CRYPTO_CERTIFICATE', message);
