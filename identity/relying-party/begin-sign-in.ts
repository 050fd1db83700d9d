import { buildAuthorizationUrl, calculatePKCECodeChallenge, randomPKCECodeVerifier } from 'openid-client';
import type { Database } from '../../db/index.ts';
import type { Clock, NewId, RandomBytes, TenantId } from '../../kernel/index.ts';
import { newSecret, sha256 } from '../digest.ts';
import { formatTicket } from '../sessions/cookies.ts';
import type { Connections } from './connections.ts';
import type { ProviderClients } from './provider-clients.ts';
import { localPath } from './return-to.ts';
import { deleteExpiredFlows, insertFlow } from './store-connections.ts';

/** Seconds a person has to sign in. */
export const flowSeconds = 600;

/** What a sign-in begins with. */
export type SignInRequest = {
  readonly tenant: { readonly id: TenantId; readonly slug: string };
  readonly returnTo: string | undefined;
  readonly acrValues: string | undefined;
  readonly maxAge: number | undefined;
  readonly uiLocales: string | undefined;
  /** The living session that a step-up raises. */
  readonly sessionId: string | null;
};

/** Where to send the browser, and the cookie that binds the flow to it. */
export type BegunSignIn = { readonly location: string; readonly cookieValue: string };

/** What it is built from. */
export type BeginSignInDeps = {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly randomBytes: RandomBytes;
  readonly publicUrl: string;
  readonly connections: Connections;
  readonly clients: ProviderClients;
};

/** Starts an authorization code flow: PKCE S256, state and nonce in a row that only this browser's cookie finds. */
export function createBeginSignIn(deps: BeginSignInDeps): (request: SignInRequest) => Promise<BegunSignIn> {
  return async (request) => {
    const { tenant } = request;
    const connection = await deps.connections.forSignIn(tenant.id);
    const configuration = await deps.clients.of(tenant.id, connection);
    const verifier = randomPKCECodeVerifier();
    const [state, nonce, secret] = [
      newSecret(deps.randomBytes),
      newSecret(deps.randomBytes),
      newSecret(deps.randomBytes),
    ];
    const id = deps.newId();
    const now = deps.clock.now();
    const expiresAt = new Date(now.getTime() + flowSeconds * 1000);
    await deps.database.withTenant(tenant.id, async (tx) => {
      await tx.query(deleteExpiredFlows, [tenant.id, now]);
      await tx.query(insertFlow, [
        tenant.id, id, sha256(secret), connection.id, state, nonce, verifier, localPath(request.returnTo),
        request.maxAge ?? null, request.sessionId, expiresAt,
      ]); // prettier-ignore
    });
    const url = buildAuthorizationUrl(configuration, {
      redirect_uri: `${deps.publicUrl}/auth/callback`,
      scope: 'openid profile email',
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
      ...(request.acrValues === undefined ? {} : { acr_values: request.acrValues }),
      ...(request.maxAge === undefined ? {} : { max_age: String(request.maxAge) }),
      ...(request.uiLocales === undefined ? {} : { ui_locales: request.uiLocales }),
      ...(connection.kind === 'embedded' ? { tenant: tenant.slug } : {}),
    });
    return { location: url.href, cookieValue: formatTicket({ tenantId: tenant.id, id, secret }) };
  };
}
