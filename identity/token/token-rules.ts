import type { JWTPayload, ProtectedHeaderParameters } from 'jose';
import { tokenError } from './challenge.ts';

/** What a connection's access tokens must look like. */
export type TokenExpectation = {
  readonly issuer: string;
  /** The resource that the token must be for: us. */
  readonly audience: string;
  /** Signature algorithms, asymmetric only. */
  readonly algorithms: readonly string[];
  /** Clients whose tokens are taken; null takes every client of the issuer. */
  readonly authorizedParties: readonly string[] | null;
  /** JOSE `typ` values, lower case, without `application/`. */
  readonly headerTypes: readonly string[];
  /** Value of Keycloak's `typ` claim; null when the issuer has no such claim. */
  readonly claimType: string | null;
  /** Seconds that the two clocks may differ. */
  readonly skewSeconds: number;
  /** Longest life a token may have, seconds. */
  readonly maxLifetimeSeconds: number;
};

/** A rule over a decoded token; throws when it is broken. */
export type TokenRule = (token: {
  readonly header: ProtectedHeaderParameters;
  readonly claims: JWTPayload;
  readonly expected: TokenExpectation;
  readonly nowSeconds: number;
}) => void;

const symmetric = /^(none|HS\d+|dir|.*KW|PBES2.*)$/i;

/** RFC 8725 section 3.1 and 3.2: an allow-list, and never a symmetric algorithm or none on it. */
export const algorithmIsAllowed: TokenRule = ({ header, expected }) => {
  const { alg } = header;
  if (typeof alg !== 'string' || symmetric.test(alg) || !expected.algorithms.includes(alg)) {
    throw tokenError('the signature algorithm is not allowed for this issuer');
  }
};

/** RFC 8725 section 3.10: keys come from the issuer's key set alone. */
export const headerBringsNoKey: TokenRule = ({ header }) => {
  for (const name of ['jku', 'jwk', 'x5u', 'x5c'] as const) {
    if (name in header) throw tokenError(`the header must not bring a key (${name})`);
  }
};

/** RFC 7515 section 4.1.11: we understand no extension, so there must be none; `b64` and `zip` included. */
export const headerHasNoExtension: TokenRule = ({ header }) => {
  if ('crit' in header || 'b64' in header || 'zip' in header || 'enc' in header)
    throw tokenError('the header asks for an unknown extension');
};

/** RFC 9068 section 4, RFC 8725 section 3.11: explicit typing; a logout, DPoP or ID token is no access token. */
export const headerTypeIsAccessToken: TokenRule = ({ header, expected }) => {
  const type = typeof header.typ === 'string' ? header.typ.toLowerCase().replace(/^application\//, '') : null;
  if (type === null || !expected.headerTypes.includes(type))
    throw tokenError('the header type is not that of an access token');
};

/** Keycloak marks its kinds of token in a claim: `Bearer`, `ID`, `Refresh`, `Logout`, `DPoP`. */
export const claimTypeIsBearer: TokenRule = ({ claims, expected }) => {
  if (expected.claimType !== null && claims['typ'] !== expected.claimType)
    throw tokenError('the token is not of the kind that opens an API');
};

/** RFC 9068 section 2.2: what must be there. */
export const requiredClaimsArePresent: TokenRule = ({ claims }) => {
  for (const name of ['iss', 'aud', 'sub', 'exp', 'iat'] as const) {
    if (claims[name] === undefined) throw tokenError(`the claim ${name} is missing`);
  }
  if (typeof claims.sub !== 'string' || claims.sub === '' || claims.sub.length > 255)
    throw tokenError('the claim sub is malformed');
};

/** RFC 9068 section 4, step 4: exactly this issuer. */
export const issuerIsExpected: TokenRule = ({ claims, expected }) => {
  if (claims.iss !== expected.issuer) throw tokenError('the token comes from another issuer');
};

/** RFC 9068 section 4, step 5: the token is for us. */
export const audienceIsUs: TokenRule = ({ claims, expected }) => {
  const audiences: unknown = claims.aud;
  const ours = Array.isArray(audiences)
    ? audiences.includes(expected.audience)
    : audiences === expected.audience;
  if (!ours) throw tokenError('the token is for another audience');
};

/** OpenID Connect Core section 2: the client that asked for it is one of this connection's. */
export const authorizedPartyIsKnown: TokenRule = ({ claims, expected }) => {
  const party = claims['azp'] ?? claims['client_id'];
  if (
    expected.authorizedParties !== null &&
    (typeof party !== 'string' || !expected.authorizedParties.includes(party))
  ) {
    throw tokenError('the token was issued to a client that is not connected');
  }
};

/** RFC 7519 section 4.1.4 to 4.1.6: now is inside the token's life, and the life is not longer than agreed. */
export const timesAreSane: TokenRule = ({ claims, expected, nowSeconds }) => {
  const { exp, nbf = 0, iat } = claims;
  const { skewSeconds, maxLifetimeSeconds } = expected;
  if (!isTime(exp) || !isTime(iat) || !isTime(nbf))
    throw tokenError('a time claim is not a number of seconds');
  if (exp + skewSeconds <= nowSeconds) throw tokenError('the token has expired');
  if (nbf - skewSeconds > nowSeconds) throw tokenError('the token is not valid yet');
  if (iat - skewSeconds > nowSeconds) throw tokenError('the token was issued in the future');
  if (exp - iat > maxLifetimeSeconds) throw tokenError('the token lives longer than this connection allows');
};

const isTime = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0;

/** RFC 9449 section 7.2: a bound token sent as Bearer is a downgrade; RFC 8705 section 3 likewise. */
export const tokenIsNotBound: TokenRule = ({ claims }) => {
  if (claims['cnf'] !== undefined)
    throw tokenError('the token is bound to a key and cannot be sent as Bearer');
};

/** Looked at before any signature work: they cost nothing and need no key. */
export const headerRules: readonly TokenRule[] = Object.freeze([
  algorithmIsAllowed,
  headerBringsNoKey,
  headerHasNoExtension,
  headerTypeIsAccessToken,
]);

/** Looked at once the signature holds. */
export const claimRules: readonly TokenRule[] = Object.freeze([
  requiredClaimsArePresent,
  issuerIsExpected,
  audienceIsUs,
  authorizedPartyIsKnown,
  claimTypeIsBearer,
  timesAreSane,
  tokenIsNotBound,
]);
