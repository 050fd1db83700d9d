import { exportSPKI, type JWTVerifyGetKey } from 'jose';
import KeycloakConnect from 'keycloak-connect';
import type { Clock, Secret } from '../../kernel/index.ts';
import { identityError } from '../errors.ts';
import { verifyAccessToken } from '../token/verify-access-token.ts';
import type { TokenExpectation } from '../token/token-rules.ts';

// The only file that knows keycloak-connect (26.1.1, deprecated upstream). It is bearer-only, never mounted as
// middleware, and asked only after our own gate: alone it accepts tokens without exp, bound tokens, unknown crit and more
// (see gate.test.ts beside this file).

/** A realm and the client that we are there. */
export type KeycloakAdapterOptions = {
  /** Base of the server without `/realms/…`; the issuer is `<serverUrl>/realms/<realm>`. */
  readonly serverUrl: string;
  readonly realm: string;
  /** Our resource-server client; must be in the token's audience. */
  readonly clientId: string;
  readonly clientSecret: Secret | null;
  readonly expected: TokenExpectation;
  readonly keys: JWTVerifyGetKey;
  readonly clock: Clock;
};

/** One permission of Keycloak's authorization services: a resource and its scopes. */
export type UmaPermission = { readonly resource: string; readonly scopes: readonly string[] };

/** Questions about a token that Keycloak answers. Every one passes our gate first and throws ERR_TOKEN_INVALID. */
export type KeycloakAdapter = {
  /** `realm:name`, `client:name`, or a name of our own client's roles. */
  readonly hasRole: (token: string, role: string) => Promise<boolean>;
  /** Asks the authorization services (UMA); false when they refuse. @throws ERR_PROVIDER_UNAVAILABLE */
  readonly hasPermission: (token: string, permission: UmaPermission) => Promise<boolean>;
  /** Asks whether the token still lives; sees a sign-out before exp does. @throws ERR_PROVIDER_UNAVAILABLE */
  readonly isActive: (token: string) => Promise<boolean>;
};

type GrantManager = {
  publicKey: string | undefined;
  createGrant: (grant: {
    access_token: string;
  }) => Promise<{ access_token?: { hasRole: (role: string) => boolean } }>;
  checkPermissions: (ask: object, request: object, callback: (answer: unknown) => void) => Promise<unknown>;
};

const timeoutMilliseconds = 5_000;
const maxAnswerCharacters = 65_536;

/** Builds the adapter. */
export function createKeycloakAdapter(options: KeycloakAdapterOptions): KeycloakAdapter {
  const gate = async (token: string): Promise<GrantManager> => {
    const { header } = await verifyAccessToken(token, options.expected, options.keys, options.clock);
    const [, payload = '', signature = ''] = token.split('.');
    const key = await options.keys({ ...header, alg: header.alg ?? '' }, { payload, signature });
    // With the key in hand the library fetches no key set: an HTML page in its place would end the process.
    return createGrantManager(options, await exportSPKI(key as Parameters<typeof exportSPKI>[0])); // a key set gives CryptoKeys
  };
  return Object.freeze({
    hasRole: async (token: string, role: string) => {
      const manager = await gate(token);
      const grant = await manager.createGrant({ access_token: token });
      return grant.access_token?.hasRole(role) ?? false;
    },
    hasPermission: async (token: string, permission: UmaPermission) => {
      const manager = await gate(token);
      return withTimeout(askPermission(manager, token, permission));
    },
    isActive: async (token: string) => {
      await gate(token);
      return introspect(options, token);
    },
  });
}

function createGrantManager(options: KeycloakAdapterOptions, publicKey: string): GrantManager {
  const configuration = {
    realm: options.realm,
    'auth-server-url': options.serverUrl,
    resource: options.clientId,
    'bearer-only': true,
    'verify-token-audience': true,
    'ssl-required': 'external',
    'confidential-port': 0,
    ...(options.clientSecret === null ? {} : { credentials: { secret: options.clientSecret.reveal() } }),
  };
  const manager = new KeycloakConnect({}, configuration).grantManager as unknown as GrantManager; // its own types leave these members out
  manager.publicKey = publicKey;
  return manager;
}

function askPermission(
  manager: GrantManager,
  token: string,
  { resource, scopes }: UmaPermission,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const ask = { permissions: [{ id: resource, scopes }], response_mode: 'decision' };
    const request = { headers: { authorization: `Bearer ${token}` } };
    manager
      .checkPermissions(ask, request, (answer) =>
        resolve((answer as { result?: unknown } | null)?.result === true),
      ) // probing an unknown
      .catch((error: unknown) => {
        const refused = error instanceof Error && error.message.startsWith('403');
        if (refused) resolve(false);
        else reject(unavailable(error));
      });
  });
}

/** RFC 7662, by our own bounded request: the library's one ends the process when the answer is not JSON. */
async function introspect(options: KeycloakAdapterOptions, token: string): Promise<boolean> {
  const endpoint = `${options.expected.issuer}/protocol/openid-connect/token/introspect`;
  const credentials = Buffer.from(`${options.clientId}:${options.clientSecret?.reveal() ?? ''}`).toString(
    'base64',
  );
  try {
    const response = await fetch(endpoint, {
      method: 'POST',
      body: new URLSearchParams({ token }),
      headers: { authorization: `Basic ${credentials}` },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMilliseconds),
    });
    const text = (await response.text()).slice(0, maxAnswerCharacters);
    if (response.status !== 200) throw new TypeError(`introspection answered ${response.status}`);
    return (JSON.parse(text) as { active?: unknown }).active === true;
  } catch (cause) {
    throw unavailable(cause);
  }
}

async function withTimeout<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(unavailable(new Error('no answer in time'))), timeoutMilliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function unavailable(cause: unknown): Error {
  return identityError(
    'ERR_PROVIDER_UNAVAILABLE',
    503,
    'Keycloak cannot be asked just now; nothing is allowed meanwhile',
    { cause },
  );
}
