import type { JWTVerifyGetKey } from 'jose';
import type { Clock, Principal } from '../kernel/index.ts';
import type { ServiceAccounts } from './accounts/service-accounts.ts';
import { sameDigest, sha256 } from './digest.ts';
import { identityError } from './errors.ts';
import { accessTokenSeconds } from './provider/create-provider.ts';
import type { Connections } from './relying-party/connections.ts';
import type { ConnectionRow } from './relying-party/store-connections.ts';
import { readCookie, type CookieJar } from './sessions/cookies.ts';
import type { Sessions } from './sessions/sessions.ts';
import { tokenError } from './token/challenge.ts';
import { foreignPrincipal } from './token/foreign-principal.ts';
import type { KeySets } from './token/key-sets.ts';
import type { TokenExpectation } from './token/token-rules.ts';
import { createVerifiedTokens, type VerifiedTokens } from './token/verified-tokens.ts';
import {
  requireClaims,
  unverifiedIssuer,
  verifyAccessToken,
  type VerifiedToken,
} from './token/verify-access-token.ts';

/** A request as the HTTP adapter hands it over. */
export type IncomingCredentials = {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly ip: string | null;
};

/** Who asks, and how they proved it. */
export type Authenticated = {
  readonly principal: Principal;
  readonly via: 'session' | 'bearer';
  readonly csrfToken?: string;
};

/** What it is built from. */
export type AuthenticateDeps = {
  readonly clock: Clock;
  readonly publicUrl: string;
  readonly cookies: CookieJar;
  readonly sessions: Sessions;
  readonly serviceAccounts: ServiceAccounts;
  readonly connections: Connections;
  readonly keySets: KeySets;
  /** Keys of the embedded provider; no request to ourselves. */
  readonly ownKeys: JWTVerifyGetKey;
};

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);
const skewSeconds = 5;
const foreignLifetimeSeconds = 3_600;

/**
 * Finds out who asks: a bearer token or the session cookie, never both at once.
 *
 * @returns null when the request brings no credentials, or a session that ended
 * @throws ERR_TOKEN_INVALID (401), ERR_CSRF (403), ERR_PROVIDER_UNAVAILABLE (503)
 */
export function createAuthenticate(
  deps: AuthenticateDeps,
): (request: IncomingCredentials) => Promise<Authenticated | null> {
  const ownTokens = createVerifiedTokens();
  return async (request) => {
    const { authorization } = request.headers;
    if (authorization !== undefined)
      return { principal: await byToken(deps, ownTokens, authorization), via: 'bearer' };
    const cookie = readCookie(request.headers['cookie'], deps.cookies.sessionName);
    if (cookie === null) return null;
    const session = await deps.sessions.find(cookie);
    // A session that ended is no credential: public pages, the sign-in above all, must stay open to its browser.
    if (session === null) return null;
    if (!safeMethods.has(request.method)) requireCsrfToken(request, session.csrfToken);
    return { principal: session.principal, via: 'session', csrfToken: session.csrfToken };
  };
}

function requireCsrfToken(request: IncomingCredentials, expected: string): void {
  const given = request.headers['x-csrf-token'];
  if (typeof given === 'string' && sameDigest(sha256(given), sha256(expected))) return;
  throw identityError(
    'ERR_CSRF',
    403,
    'the x-csrf-token header is missing or belongs to another session; read it from /v1/identity/session',
  );
}

async function byToken(
  deps: AuthenticateDeps,
  ownTokens: VerifiedTokens,
  authorization: string | string[],
): Promise<Principal> {
  const match = typeof authorization === 'string' ? /^(\S+)(?: +(\S+))?$/.exec(authorization) : null;
  const [, scheme = '', token = ''] = match ?? [];
  // RFC 9110 section 11.1: the scheme is case-insensitive.
  if (scheme.toLowerCase() !== 'bearer' || token === '')
    throw tokenError('the Authorization header must be "Bearer" and one token');
  const seen = ownTokens.find(token);
  if (seen !== null) return seenPrincipal(deps, ownTokens, token, seen);
  const { issuer, authorizedParty } = unverifiedIssuer(token);
  if (issuer === `${deps.publicUrl}/oidc`) {
    const verified = await verifyAccessToken(token, ownExpectation(deps), deps.ownKeys, deps.clock);
    ownTokens.keep(token, verified);
    return ownPrincipal(deps, verified);
  }
  const known = authorizedParty === null ? null : await deps.connections.byIssuer(issuer, authorizedParty);
  if (known === null) throw tokenError('the issuer and client of the token are not connected here');
  const verified = await verifyAccessToken(
    token,
    expectationOf(known.row),
    deps.keySets.of(issuer),
    deps.clock,
  );
  return foreignPrincipal(known.tenantId, known.row, verified);
}

/** A token whose signature was seen to hold: everything that can change is looked at again. */
async function seenPrincipal(
  deps: AuthenticateDeps,
  ownTokens: VerifiedTokens,
  token: string,
  seen: VerifiedToken,
): Promise<Principal> {
  try {
    requireClaims(seen, ownExpectation(deps), deps.clock);
    return await ownPrincipal(deps, seen);
  } catch (error) {
    ownTokens.forget(token);
    throw error;
  }
}

function ownExpectation(deps: AuthenticateDeps): TokenExpectation {
  return {
    issuer: `${deps.publicUrl}/oidc`,
    audience: deps.publicUrl,
    algorithms: ['ES256'],
    authorizedParties: null,
    headerTypes: ['at+jwt'],
    claimType: null,
    skewSeconds,
    maxLifetimeSeconds: accessTokenSeconds,
  };
}

/** A token of the embedded provider: only machines get one for this API. */
async function ownPrincipal(deps: AuthenticateDeps, { claims }: VerifiedToken): Promise<Principal> {
  const account = await deps.serviceAccounts.find(String(claims['client_id']));
  if (account === null || claims.sub !== claims['client_id'] || claims['tenant'] !== account.tenantId) {
    throw tokenError('the service account does not exist any more');
  }
  return account.principal;
}

/** What a foreign connection's access tokens must look like; Keycloak says `JWT` and names the kind in a claim. */
export function expectationOf(connection: ConnectionRow): TokenExpectation {
  const keycloak = connection.kind === 'keycloak';
  return {
    issuer: connection.issuer,
    audience: connection.audience,
    algorithms: connection.algorithms,
    authorizedParties: connection.authorized_parties,
    headerTypes: keycloak ? ['jwt', 'at+jwt'] : ['at+jwt'],
    claimType: keycloak ? 'Bearer' : null,
    skewSeconds,
    maxLifetimeSeconds: foreignLifetimeSeconds,
  };
}
