import { createLocalJWKSet, type JWTVerifyGetKey } from 'jose';
import type Provider from 'oidc-provider';
import type { Tx } from '../db/index.ts';
import { platformTenantId, type AnyRoute } from '../kernel/index.ts';
import { createServiceAccounts, type ServiceAccounts } from './accounts/service-accounts.ts';
import { findName } from './accounts/store-accounts.ts';
import { createUsers, type Users } from './accounts/users.ts';
import { createAuthenticate, type Authenticated, type IncomingCredentials } from './authenticate.ts';
import { createLimiter } from './factors/limiter.ts';
import { replaceRecoveryCodes } from './factors/recovery-codes.ts';
import { createSecondFactors } from './factors/second-factor.ts';
import { defaultLifetimes, type IdentityDeps } from './ports.ts';
import { createProvider } from './provider/create-provider.ts';
import { createInteractions, send } from './provider/interactions.ts';
import { chooseLanguage } from './provider/messages.ts';
import { errorPage, pageHeaders } from './provider/pages.ts';
import { createPasswordStage } from './provider/password-stage.ts';
import { createProviderHandler, type ProviderHandler } from './provider/provider-handler.ts';
import { loadProviderSecrets, publicKeys, type ProviderSecrets } from './provider/provider-secrets.ts';
import { createSecondStage } from './provider/second-stage.ts';
import { deleteExpiredProviderObjects } from './provider/store-provider.ts';
import { createBeginSignIn } from './relying-party/begin-sign-in.ts';
import { createConnections, type Connections } from './relying-party/connections.ts';
import { createFinishSignIn } from './relying-party/finish-sign-in.ts';
import { createOpenSession } from './relying-party/open-session.ts';
import { createProviderClients } from './relying-party/provider-clients.ts';
import { createIdentityRoutes } from './routes.ts';
import { createCookieJar } from './sessions/cookies.ts';
import { createEndSession } from './sessions/end-session.ts';
import { createSessions } from './sessions/sessions.ts';
import { fetchJson } from './token/fetch-json.ts';
import { createKeySets } from './token/key-sets.ts';

/** The room: who is asking. */
export type Identity = {
  readonly authenticate: (request: IncomingCredentials) => Promise<Authenticated | null>;
  /** Answers everything under `/oidc`: the embedded provider and its pages. */
  readonly providerHandler: ProviderHandler;
  readonly routes: readonly AnyRoute[];
  readonly createUser: Users['create'];
  readonly changeUser: Users['change'];
  readonly createServiceAccount: ServiceAccounts['create'];
  /** What a person or machine of the transaction's tenant is called, or null. */
  readonly nameOf: (tx: Tx, principalId: string) => Promise<string | null>;
  readonly createConnection: Connections['create'];
  /** Whether the tenant signs in at a provider of its own. */
  readonly hasForeignConnection: Connections['hasForeign'];
  /** Ten new recovery codes of a user, in clear, once. */
  readonly replaceRecoveryCodes: (tx: Tx, userId: string) => Promise<readonly string[]>;
  /** Loads or makes the provider's keys, and begins sweeping what has expired. */
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Removes expired provider state; gives the number of rows. */
  readonly sweep: () => Promise<number>;
};

const sweepEveryMilliseconds = 300_000;
type Loaded = {
  readonly secrets: ProviderSecrets;
  readonly provider: Provider;
  readonly interactions: ProviderHandler;
  readonly keys: JWTVerifyGetKey;
};

/** Joins the parts of this room. */
export function createIdentity(deps: IdentityDeps): Identity {
  const { database, clock, publicUrl } = deps;
  const cookies = createCookieJar(publicUrl);
  const limiter = createLimiter(deps);
  const factors = createSecondFactors({ ...deps, limiter });
  const connections = createConnections(deps);
  const users = createUsers({ ...deps, factors, embeddedConnection: connections.embedded });
  const serviceAccounts = createServiceAccounts(deps);
  const sessions = createSessions({ ...deps, lifetimes: deps.sessions ?? defaultLifetimes });
  const load = once(() => loadEmbedded(deps, { limiter, factors, serviceAccounts }));
  const clients = createProviderClients({
    clock,
    secretOf: async (tenantId, row) =>
      row.kind === 'embedded' ? (await load()).secrets.consoleSecret : connections.openSecret(tenantId, row),
  });
  const authenticate = createAuthenticate({
    clock, publicUrl, cookies, sessions, serviceAccounts, connections,
    keySets: createKeySets({ ...deps, fetchJson }),
    ownKeys: async (header, token) => (await load()).keys(header, token),
  }); // prettier-ignore
  const flow = { ...deps, connections, clients };
  const routes = createIdentityRoutes({
    ...deps, cookies, sessions, users, serviceAccounts, factors, limiter, authenticate,
    beginSignIn: createBeginSignIn(flow),
    finishSignIn: createFinishSignIn({ ...flow, openSession: createOpenSession({ ...deps, sessions }) }),
    endSession: createEndSession(flow),
  }); // prettier-ignore
  const sweep = () =>
    database.withTenant(
      platformTenantId,
      async (tx) => (await tx.query(deleteExpiredProviderObjects, [platformTenantId, clock.now()])).rowCount,
    );
  let timer: NodeJS.Timeout | undefined;
  return Object.freeze({
    authenticate,
    routes,
    sweep,
    providerHandler: createProviderHandler({ publicUrl, load }),
    createUser: users.create,
    changeUser: users.change,
    createServiceAccount: serviceAccounts.create,
    nameOf: async (tx: Tx, principalId: string) =>
      (await tx.query<{ name: string | null }>(findName, [tx.tenantId, principalId])).rows[0]?.name ?? null,
    createConnection: connections.create,
    hasForeignConnection: connections.hasForeign,
    replaceRecoveryCodes: (tx: Tx, userId: string) => replaceRecoveryCodes(tx, userId, deps),
    start: async () => {
      await load();
      timer ??= setInterval(() => {
        sweep().catch((error: unknown) =>
          deps.logger.warn('expired sign-in state could not be removed; it is tried again', { error }),
        );
      }, sweepEveryMilliseconds).unref();
    },
    stop: () => {
      clearInterval(timer);
      return Promise.resolve();
    },
  });
}

/** Calls once for all callers; a failure is not remembered. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = null;
      throw error;
    });
    return made;
  };
}

type Parts = {
  readonly limiter: ReturnType<typeof createLimiter>;
  readonly factors: ReturnType<typeof createSecondFactors>;
  readonly serviceAccounts: ServiceAccounts;
};

async function loadEmbedded(deps: IdentityDeps, parts: Parts): Promise<Loaded> {
  const secrets = await loadProviderSecrets(deps);
  const provider = createProvider({
    ...deps,
    secrets,
    serviceAccounts: parts.serviceAccounts,
    renderError: (ctx) => {
      for (const [name, value] of Object.entries(pageHeaders)) ctx.set(name, value);
      ctx.body = errorPage(chooseLanguage(undefined, ctx.get('accept-language')), 'expired');
    },
  });
  const passwordStage = createPasswordStage({ ...deps, limiter: parts.limiter });
  const pages = createInteractions({
    ...deps,
    provider,
    passwordStage,
    secondStage: createSecondStage({ ...deps, factors: parts.factors }),
  });
  const interactions: ProviderHandler = async (request, response) => {
    try {
      await pages(request, response);
    } catch (error) {
      deps.logger.error('a sign-in page failed', { error });
      if (!response.headersSent) send(response, 503, errorPage('en', 'unavailable'));
    }
  };
  return {
    secrets,
    provider,
    interactions,
    keys: createLocalJWKSet(publicKeys(secrets.jwks)) as JWTVerifyGetKey,
  };
}
