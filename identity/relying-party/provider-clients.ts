import { allowInsecureRequests, ClientSecretBasic, discovery, None, type Configuration } from 'openid-client';
import type { Clock, TenantId } from '../../kernel/index.ts';
import { identityError } from '../errors.ts';
import type { ConnectionRow } from './store-connections.ts';

/** Configured clients of providers. */
export type ProviderClients = {
  /** @throws ERR_PROVIDER_UNAVAILABLE */
  readonly of: (tenantId: TenantId, connection: ConnectionRow) => Promise<Configuration>;
};

const freshMilliseconds = 600_000;
const maxClients = 1_000;
type Entry = { readonly configuration: Promise<Configuration>; readonly since: number };

/** Discovers a provider on first use (the embedded one answers only once the server listens) and again every ten minutes. */
export function createProviderClients(deps: {
  readonly clock: Clock;
  readonly secretOf: (tenantId: TenantId, connection: ConnectionRow) => Promise<string | null>;
}): ProviderClients {
  const entries = new Map<string, Entry>();
  const discover = async (tenantId: TenantId, connection: ConnectionRow): Promise<Configuration> => {
    const secret = await deps.secretOf(tenantId, connection);
    const issuer = new URL(connection.issuer);
    const authentication = secret === null ? None() : ClientSecretBasic(secret);
    const execute = isLoopback(issuer) ? [allowInsecureRequests] : [];
    try {
      return await discovery(issuer, connection.client_id, {}, authentication, { execute, timeout: 5 });
    } catch (cause) {
      const message = 'the identity provider does not answer; try again soon';
      throw identityError('ERR_PROVIDER_UNAVAILABLE', 503, message, {
        cause,
        details: { connectionId: connection.id },
      });
    }
  };
  return Object.freeze({
    of: (tenantId: TenantId, connection: ConnectionRow) => {
      const now = deps.clock.now().getTime();
      // Every fact the client is built from is in the key, so a changed connection is a new client.
      const secret = connection.client_secret?.toString('base64') ?? '';
      const key = [tenantId, connection.id, connection.issuer, connection.client_id, secret].join('|');
      const known = entries.get(key);
      if (known !== undefined && now - known.since < freshMilliseconds) return known.configuration;
      if (entries.size >= maxClients) entries.clear();
      const configuration = discover(tenantId, connection);
      entries.set(key, { configuration, since: now });
      configuration.catch(() => entries.delete(key));
      return configuration;
    },
  });
}

/** Plain http is for providers on this very machine only. */
function isLoopback(url: URL): boolean {
  return url.protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
}
