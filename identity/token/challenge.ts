import type { GatehouseError } from '../../kernel/index.ts';
import { identityError, type IdentityErrorCode } from '../errors.ts';

const realm = 'realm="gatehouse"';

/** Quotes what may stand in an auth-param. */
const quoted = (text: string): string => `"${text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, "'")}"`;

/**
 * The answer to a bad access token.
 *
 * @returns an error whose `details.challenge` is the value for WWW-Authenticate
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-3
 */
export function tokenError(why: string, cause?: unknown): GatehouseError<IdentityErrorCode> {
  const challenge = `Bearer ${realm}, error="invalid_token", error_description=${quoted(why)}`;
  return identityError('ERR_TOKEN_INVALID', 401, `the access token was refused: ${why}; get a new one`, {
    details: { challenge },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The answer to a request without credentials. RFC 6750 section 3: no error code then. */
export const bareChallenge = `Bearer ${realm}`;

/** The answer to a request whose authentication is too weak or too old. @see https://www.rfc-editor.org/rfc/rfc9470#section-3 */
export function stepUpChallenge(level: 2 | 3, maxAgeSeconds: number): string {
  return `Bearer ${realm}, error="insufficient_user_authentication", error_description="authenticate again", acr_values="aal${level}", max_age=${maxAgeSeconds}`;
}
