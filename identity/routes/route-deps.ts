import type { TenantId } from '../../kernel/index.ts';
import { exactlyOne } from '../../db/index.ts';
import type { Users } from '../accounts/users.ts';
import type { ServiceAccounts } from '../accounts/service-accounts.ts';
import { findTenant } from '../accounts/store-accounts.ts';
import type { Authenticated, IncomingCredentials } from '../authenticate.ts';
import { identityError } from '../errors.ts';
import type { Limiter } from '../factors/limiter.ts';
import type { SecondFactors } from '../factors/second-factor.ts';
import type { IdentityDeps } from '../ports.ts';
import type { BegunSignIn, SignInRequest } from '../relying-party/begin-sign-in.ts';
import type { Callback, FinishedSignIn } from '../relying-party/finish-sign-in.ts';
import type { EndSession } from '../sessions/end-session.ts';
import { formatTicket, readCookie, type CookieJar, type Ticket } from '../sessions/cookies.ts';
import type { LiveSession, Sessions } from '../sessions/sessions.ts';
import { bareChallenge } from '../token/challenge.ts';

/** What the routes are built from. */
export type RouteDeps = Pick<
  IdentityDeps,
  'database' | 'crypto' | 'audit' | 'clock' | 'newId' | 'randomBytes' | 'publicUrl' | 'mode'
> & {
  readonly cookies: CookieJar;
  readonly sessions: Sessions;
  readonly users: Users;
  readonly serviceAccounts: ServiceAccounts;
  readonly factors: SecondFactors;
  readonly limiter: Limiter;
  readonly authenticate: (request: IncomingCredentials) => Promise<Authenticated | null>;
  readonly beginSignIn: (request: SignInRequest) => Promise<BegunSignIn>;
  readonly finishSignIn: (callback: Callback) => Promise<FinishedSignIn>;
  readonly endSession: EndSession;
};

/** Headers as handlers get them. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Why the routes about oneself are not decided by policy. */
export const aboutOneself = {
  kind: 'public',
  reason:
    'speaks only of the caller, whom the handler authenticates itself; no role is needed to see or end one’s own access',
} as const;

/** The living session of the browser, or null. */
export function sessionOf(deps: RouteDeps, headers: Headers): Promise<LiveSession | null> {
  return deps.sessions.find(readCookie(headers['cookie'], deps.cookies.sessionName));
}

/**
 * The caller's own session; for a write its anti-forgery token too.
 *
 * @throws ERR_UNAUTHENTICATED, ERR_CSRF
 */
export async function requireSession(
  deps: RouteDeps,
  headers: Headers,
  method: string,
): Promise<LiveSession> {
  const cookie = headers['cookie'];
  const token = headers['x-csrf-token'];
  const given = {
    ...(typeof cookie === 'string' ? { cookie } : {}),
    ...(typeof token === 'string' ? { 'x-csrf-token': token } : {}),
  };
  await deps.authenticate({ method, url: '', headers: given, ip: null });
  const session = await sessionOf(deps, headers);
  if (session !== null) return session;
  throw identityError('ERR_UNAUTHENTICATED', 401, 'sign in first', { details: { challenge: bareChallenge } });
}

/** The Set-Cookie of a session. */
export function sessionCookie(deps: RouteDeps, ticket: Ticket): string {
  return deps.cookies.set(deps.cookies.sessionName, formatTicket(ticket), deps.sessions.absoluteSeconds);
}

/** The tenant's public names. */
export async function tenantOf(
  deps: RouteDeps,
  id: TenantId,
): Promise<{ id: string; slug: string; name: string }> {
  const found = await deps.database.withSystem(
    (tx) => tx.query<{ id: string; slug: string; name: string }>(findTenant, [id]),
    { readOnly: true },
  );
  return exactlyOne(found, 'tenant');
}
