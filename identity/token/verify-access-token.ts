import {
  compactVerify,
  decodeJwt,
  decodeProtectedHeader,
  type JWTPayload,
  type JWTVerifyGetKey,
  type ProtectedHeaderParameters,
} from 'jose';
import { isGatehouseError, type Clock } from '../../kernel/index.ts';
import { tokenError } from './challenge.ts';
import { claimRules, headerRules, type TokenExpectation } from './token-rules.ts';

const maxTokenBytes = 16_384;

/** A token that passed every rule. */
export type VerifiedToken = { readonly header: ProtectedHeaderParameters; readonly claims: JWTPayload };

/** Who the token says it is from, before anything is proved; only to choose the connection. */
export function unverifiedIssuer(token: string): {
  readonly issuer: string;
  readonly authorizedParty: string | null;
} {
  const { claims } = decode(token);
  const party = claims['azp'] ?? claims['client_id'];
  if (typeof claims.iss !== 'string' || claims.iss.length > 500) throw tokenError('the claim iss is missing');
  return {
    issuer: claims.iss,
    authorizedParty: typeof party === 'string' && party.length <= 200 ? party : null,
  };
}

/**
 * Verifies an access token: header rules, signature under the issuer's own keys, claim rules, one rule at a time.
 *
 * @param keys - the issuer's key set
 * @returns header and claims of a token that passed every rule
 * @throws ERR_TOKEN_INVALID with an RFC 6750 challenge
 * @see https://www.rfc-editor.org/rfc/rfc9068#section-4
 * @see https://www.rfc-editor.org/rfc/rfc8725
 */
export async function verifyAccessToken(
  token: string,
  expected: TokenExpectation,
  keys: JWTVerifyGetKey,
  clock: Clock,
): Promise<VerifiedToken> {
  const { header, claims } = decode(token);
  const nowSeconds = clock.now().getTime() / 1000;
  for (const rule of headerRules) rule({ header, claims, expected, nowSeconds });
  await verifySignature(token, expected, keys);
  requireClaims({ header, claims }, expected, clock);
  return { header, claims };
}

/**
 * The rules over the claims, times among them, of a token whose signature holds.
 *
 * @throws ERR_TOKEN_INVALID with an RFC 6750 challenge
 */
export function requireClaims(
  { header, claims }: VerifiedToken,
  expected: TokenExpectation,
  clock: Clock,
): void {
  const nowSeconds = clock.now().getTime() / 1000;
  for (const rule of claimRules) rule({ header, claims, expected, nowSeconds });
}

function decode(token: string): VerifiedToken {
  if (token.length > maxTokenBytes) throw tokenError('the token is too long');
  try {
    return { header: decodeProtectedHeader(token), claims: decodeJwt(token) };
  } catch (cause) {
    throw tokenError('it is not a signed JSON Web Token', cause);
  }
}

async function verifySignature(
  token: string,
  expected: TokenExpectation,
  keys: JWTVerifyGetKey,
): Promise<void> {
  try {
    await compactVerify(token, keys as never, { algorithms: [...expected.algorithms] }); // the same resolver serves both forms
  } catch (cause) {
    if (isGatehouseError(cause)) throw cause; // the key set could not be had: not the token's fault
    throw tokenError('the signature does not hold', cause);
  }
}
