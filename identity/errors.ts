import { GatehouseError, type ErrorOptions } from '../kernel/index.ts';

/** What can go wrong when we ask who somebody is. */
export type IdentityErrorCode =
  | 'ERR_UNAUTHENTICATED'
  | 'ERR_TOKEN_INVALID'
  | 'ERR_SESSION_ENDED'
  | 'ERR_CSRF'
  | 'ERR_SIGN_IN_FAILED'
  | 'ERR_CODE_INVALID'
  | 'ERR_TOO_MANY_TRIES'
  | 'ERR_STEP_UP_BY_REDIRECT'
  | 'ERR_STEP_UP_REQUIRED'
  | 'ERR_NO_FACTOR'
  | 'ERR_PROVIDER_UNAVAILABLE'
  | 'ERR_CONNECTION_UNKNOWN'
  | 'ERR_USER_EXISTS'
  | 'ERR_NOT_FOUND'
  | 'ERR_FORBIDDEN'
  | 'ERR_INVALID_REQUEST'
  | 'ERR_SEALED_VALUE_LOST';

/** An error of this room. */
export function identityError(
  code: IdentityErrorCode,
  status: number,
  message: string,
  extra: Omit<ErrorOptions, 'status'> = {},
): GatehouseError<IdentityErrorCode> {
  return new GatehouseError(code, message, { status, ...extra });
}
