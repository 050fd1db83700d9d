import type { GatehouseError } from '../../kernel/index.ts';
import { cryptoError, type CryptoErrorCode } from '../errors.ts';

/** A refusal as it came over the wire. */
export type VaultRefusal = {
  readonly status: number;
  readonly errors: readonly string[];
  readonly isJson: boolean;
  /** The header, in seconds; a date is not read. */
  readonly retryAfter: string | undefined;
};

/** Throttled, standing by, sealed, or broken: may pass by itself. */
const passing: ReadonlySet<number> = new Set([408, 412, 429, 472, 473, 500, 502, 503, 504]);
/** What the transit backend of Vault and OpenBao says when the key or its version is not there any more. */
const gone = /disallowed by policy|key not found|no existing key|invalid key name/;

/** The error of a refusal: withdrawn keys and rights are final, an ailing server may be asked again. */
export function vaultFailure(refusal: VaultRefusal): GatehouseError<CryptoErrorCode> {
  const { status, errors, isJson } = refusal;
  const said = errors.join('; ').slice(0, 300);
  const details = { status, ...(said === '' ? {} : { said }) };
  if (passing.has(status) || !isJson) {
    const seconds = Number(refusal.retryAfter);
    const wait = seconds > 0 && seconds <= 3_600 ? { retryAfterMilliseconds: seconds * 1_000 } : {};
    const message = `the transit server ${isJson ? `answered ${status}` : `gave an answer (${status}) that is not its own`}; is it unsealed, and active?`;
    return cryptoError('ERR_CRYPTO_ROOT', message, { details: { ...details, ...wait, retryable: true } });
  }
  if (status === 403)
    return revoked('the transit server refuses the token; is it expired, or its policy taken away?', details);
  if (status === 404)
    return revoked(
      'the transit mount is not there; was it disabled, or is its path or namespace another?',
      details,
    );
  if (status === 400 && gone.test(said))
    return revoked(
      'the transit key of the epoch was destroyed or taken away; nothing opens it again',
      details,
    );
  return cryptoError(
    'ERR_CRYPTO_ROOT',
    'the transit server did not accept the request; "details.said" has its words',
    { details },
  );
}

/** The error of a call that got no answer. */
export function vaultUnreachable(address: string, cause: unknown): GatehouseError<CryptoErrorCode> {
  const message = `the transit server at ${new URL(address).host} did not answer; check the address, its certificate and the network`;
  return cryptoError('ERR_CRYPTO_ROOT', message, { cause, details: { retryable: true } });
}

/** The error of an answer of another shape than the API has. */
export function vaultNonsense(what: string): GatehouseError<CryptoErrorCode> {
  return cryptoError(
    'ERR_CRYPTO_ROOT',
    `the transit server gave ${what}, which is not as its API says; is something else answering?`,
  );
}

/** The error of a key that is not to be had any more. */
export function revoked(
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): GatehouseError<CryptoErrorCode> {
  return cryptoError('ERR_CRYPTO_KEY_REVOKED', message, { details });
}
