import { timingSafeEqual } from 'node:crypto';
import Provider, {
  errors,
  interactionPolicy,
  type Account,
  type Configuration,
  type KoaContextWithOIDC,
} from 'oidc-provider';
import type { Database } from '../../db/index.ts';
import { parseTenantId, type Clock, type Logger } from '../../kernel/index.ts';
import { clientSecretDigest, type ServiceAccounts } from '../accounts/service-accounts.ts';
import { findUser, type UserRow } from '../accounts/store-accounts.ts';
import type { Sealing } from '../ports.ts';
import { consoleClientId } from '../relying-party/connections.ts';
import { createProviderAdapter } from './provider-adapter.ts';
import type { ProviderSecrets } from './provider-secrets.ts';

/** What the embedded provider is built from. */
export type ProviderDeps = {
  readonly database: Database;
  readonly crypto: Sealing;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly publicUrl: string;
  readonly secrets: ProviderSecrets;
  readonly serviceAccounts: ServiceAccounts;
  /** Writes the page of an error that cannot be sent back to the client. */
  readonly renderError: NonNullable<Configuration['renderError']>;
};

/** Seconds that an access token lives. */
export const accessTokenSeconds = 600;

/** Builds the embedded OpenID provider (authorization code with PKCE for people, client credentials for machines). */
export function createProvider(deps: ProviderDeps): Provider {
  const provider = new Provider(`${deps.publicUrl}/oidc`, configuration(deps));
  // The handler in front sets Host and X-Forwarded-Proto from our own configuration, whatever the client sent.
  provider.proxy = true;
  provider.Client.prototype.compareClientSecret = compareClientSecret;
  provider.on('server_error', (_ctx, error) => deps.logger.error('the embedded provider failed', { error }));
  return provider;
}

function configuration(deps: ProviderDeps): Configuration {
  const secure = deps.publicUrl.startsWith('https:');
  const cookie = { httpOnly: true, sameSite: 'lax' as const, secure, signed: true };
  return {
    adapter: (model: string) => createProviderAdapter(model, deps),
    clients: [consoleClient(deps)],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    jwks: deps.secrets.jwks as NonNullable<Configuration['jwks']>, // the same JSON, typed by two libraries
    cookies: { keys: [...deps.secrets.cookieKeys], short: cookie, long: cookie },
    acrValues: ['aal1', 'aal2'],
    scopes: ['openid', 'profile', 'email'],
    claims: { openid: ['sub', 'tenant', 'acr', 'amr', 'auth_time'], profile: ['name'], email: ['email'] },
    conformIdTokenClaims: false,
    extraParams: ['tenant'],
    responseTypes: ['code'],
    pkce: { required: () => true },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
    features: features(deps.publicUrl),
    findAccount: (_ctx, subject) => findAccount(deps, subject),
    extraTokenClaims: (_ctx, token) =>
      token.kind === 'ClientCredentials' ? { tenant: token.clientId?.split('.')[1] } : undefined,
    loadExistingGrant: grantToOwnClient,
    interactions: { url: (_ctx, interaction) => `/oidc/interaction/${interaction.uid}`, policy: policy() },
    ttl: {
      AccessToken: accessTokenSeconds,
      AuthorizationCode: 60,
      ClientCredentials: accessTokenSeconds,
      Grant: 600,
      IdToken: 600,
      Interaction: 600,
      Session: 600,
    },
    renderError: deps.renderError,
  };
}

function consoleClient(deps: ProviderDeps): NonNullable<Configuration['clients']>[number] {
  return {
    client_id: consoleClientId,
    client_name: 'Gatehouse',
    client_secret: deps.secrets.consoleSecret,
    redirect_uris: [`${deps.publicUrl}/auth/callback`],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic',
  };
}

function features(publicUrl: string): NonNullable<Configuration['features']> {
  return {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    rpInitiatedLogout: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx) =>
        ctx.oidc.params?.['grant_type'] === 'client_credentials' ? publicUrl : (undefined as never), // none for people: their tokens open nothing here
      useGrantedResource: () => false,
      getResourceServerInfo: (_ctx, resource) => {
        if (resource !== publicUrl) throw new errors.InvalidTarget();
        return {
          scope: '',
          audience: publicUrl,
          accessTokenTTL: accessTokenSeconds,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        };
      },
    },
  };
}

/** No single sign-on at the embedded provider: each sign-in is a real one, the house's own session is the only one that lasts. */
function policy(): ReturnType<typeof interactionPolicy.base> {
  const { Check } = interactionPolicy;
  const base = interactionPolicy.base();
  base.remove('consent');
  const always = new Check('sign_in', 'sign-in is required', (ctx: KoaContextWithOIDC) =>
    ctx.oidc.result?.login === undefined ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT,
  );
  base.get('login')?.checks.add(always);
  return base;
}

/** The only client of people is the house itself, so nobody is asked for consent. */
async function grantToOwnClient(ctx: KoaContextWithOIDC): Promise<InstanceType<Provider['Grant']>> {
  const { provider, client, session } = ctx.oidc;
  if (client === undefined || session?.accountId === undefined) throw new errors.AccessDenied();
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope('openid profile email');
  await grant.save();
  return grant;
}

async function findAccount(deps: ProviderDeps, subject: string): Promise<Account | undefined> {
  const [tenant = '', userId = ''] = subject.split('.');
  const tenantId = parseTenantId(tenant);
  const { rows } = await deps.database.withTenant(
    tenantId,
    (tx) => tx.query<UserRow>(findUser, [tenantId, userId]),
    { readOnly: true },
  );
  const user = rows[0];
  if (user === undefined || user.state !== 'active') return undefined;
  const claims = {
    sub: subject,
    tenant: tenantId,
    name: user.display_name,
    ...(user.email === null ? {} : { email: user.email }),
  };
  return { accountId: subject, claims: () => claims };
}

/** Machines' secrets are stored as digests, the console's own secret is compared as it is. */
function compareClientSecret(this: { clientId: string; clientSecret?: string }, given: string): boolean {
  const actual = this.clientId === consoleClientId ? given : clientSecretDigest(given).toString('hex');
  const [left, right] = [Buffer.from(this.clientSecret ?? ''), Buffer.from(actual)];
  return left.length > 0 && left.length === right.length && timingSafeEqual(left, right);
}
