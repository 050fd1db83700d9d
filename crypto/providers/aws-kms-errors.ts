import { isGatehouseError, type GatehouseError } from '../../kernel/index.ts';
import { cryptoError, type CryptoErrorCode } from '../errors.ts';

/** The key is withdrawn: disabled, waiting for its deletion, gone, or its policy refuses us. */
const withdrawn: Readonly<Record<string, string>> = {
  DisabledException: 'the KMS key is disabled; enable it to read the tenant again',
  KMSInvalidStateException:
    'the KMS key waits for its deletion or has no key material; cancel the deletion or import the material to read the tenant again',
  NotFoundException: 'the KMS key does not exist; was it deleted, or is region or account another?',
  AccessDeniedException:
    'KMS refuses the use of the key; look at the key policy and at the role of this process',
};

/** May pass by itself. */
const passing: ReadonlySet<string> = new Set([
  'ThrottlingException',
  'Throttling',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'KMSInternalException',
  'DependencyTimeoutException',
  'KeyUnavailableException',
  'TimeoutError',
  'RequestTimeout',
  'AbortError',
]);

/** Wrong settings of this process; the names are those of AWS's common errors. */
const credentials: ReadonlySet<string> = new Set([
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'IncompleteSignature',
  'ExpiredTokenException',
  'CredentialsProviderError',
  'MissingAuthenticationTokenException',
]);

type ServiceError = { readonly name: string; readonly status: number | null; readonly code: string | null };

/** The error of a call to KMS, by the name that the service gave; none of its words are passed on. */
export function kmsFailure(error: unknown): GatehouseError {
  if (isGatehouseError(error)) return error;
  const { name, status, code } = factsOf(error);
  const details = { kms: name, ...(status === null ? {} : { status }) };
  const message = withdrawn[name];
  if (message !== undefined) return cryptoError('ERR_CRYPTO_KEY_REVOKED', message, { cause: error, details });
  if (credentials.has(name))
    return rootError('KMS does not accept the credentials of this process; renew them', error, details);
  if (passing.has(name) || status === 429 || (status ?? 0) >= 500 || code !== null || status === null)
    return rootError('KMS did not answer, or asks to wait; is the region reachable?', error, {
      ...details,
      retryable: true,
    });
  return rootError(
    `KMS refused the call (${name}); look at the permissions and the key's kind`,
    error,
    details,
  );
}

function rootError(
  message: string,
  cause: unknown,
  details: Readonly<Record<string, unknown>>,
): GatehouseError<CryptoErrorCode> {
  return cryptoError('ERR_CRYPTO_ROOT', message, { cause, details });
}

function factsOf(error: unknown): ServiceError {
  // Errors of the SDK are objects of these optional properties; each is checked before use.
  const { name, code, $metadata } = error as {
    name?: unknown;
    code?: unknown;
    $metadata?: { httpStatusCode?: unknown };
  };
  const status = $metadata?.httpStatusCode;
  return {
    name: typeof name === 'string' ? name.slice(0, 100) : 'unknown',
    status: typeof status === 'number' ? status : null,
    code: typeof code === 'string' ? code : null,
  };
}

/** Whether the service said that there is no such key or alias. */
export const isNotFound = (error: unknown): boolean => factsOf(error).name === 'NotFoundException';
/** Whether the service said that the alias is taken. */
export const isTaken = (error: unknown): boolean => factsOf(error).name === 'AlreadyExistsException';
