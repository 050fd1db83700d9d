import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { isGatehouseError, type Clock, type Logger } from '../../kernel/index.ts';
import { identityError } from '../errors.ts';

/** What it takes to fetch key sets. */
export type KeySetDeps = {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Gets a JSON document; refuses redirects, bounds time and size. */
  readonly fetchJson: (url: string) => Promise<unknown>;
};

/** Key sets of foreign issuers, cached. */
export type KeySets = { readonly of: (issuer: string) => JWTVerifyGetKey };

const freshMilliseconds = 600_000;
/** An unknown key id may ask for a new key set no more often than this. */
const cooldownMilliseconds = 30_000;
/** How long an old key set serves while the issuer does not answer. */
const staleMilliseconds = 86_400_000;
const maxIssuers = 1_000;

type Cached = { readonly keys: JWTVerifyGetKey; readonly fetchedAt: number };
type Entry = { cached: Cached | null; triedAt: number; pending: Promise<Cached> | null };

/**
 * Keeps one key set per issuer: fetched once for all callers, again after ten minutes or for an unknown key id, at most
 * every 30 seconds; an unreachable issuer is served from what we have for a day.
 */
export function createKeySets(deps: KeySetDeps): KeySets {
  const entries = new Map<string, Entry>();
  const now = (): number => deps.clock.now().getTime();

  const refresh = (issuer: string, entry: Entry): Promise<Cached> => {
    entry.triedAt = now();
    entry.pending ??= fetchKeySet(issuer, deps)
      .then((keys) => (entry.cached = { keys, fetchedAt: now() }))
      .finally(() => (entry.pending = null));
    return entry.pending;
  };

  const current = async (issuer: string, entry: Entry): Promise<Cached> => {
    const age = entry.cached === null ? Infinity : now() - entry.cached.fetchedAt;
    if (entry.cached !== null && age < freshMilliseconds) return entry.cached;
    const coolingDown = now() - entry.triedAt < cooldownMilliseconds && entry.pending === null;
    if (entry.cached !== null && age < staleMilliseconds && coolingDown) return entry.cached;
    if (entry.cached === null && coolingDown) throw unavailable(issuer);
    try {
      return await refresh(issuer, entry);
    } catch (error) {
      if (entry.cached === null || age >= staleMilliseconds) throw error;
      deps.logger.warn('an issuer does not give its keys; the last known ones are used', { issuer, error });
      return entry.cached;
    }
  };

  return Object.freeze({
    of: (issuer: string): JWTVerifyGetKey => {
      const entry = entryOf(entries, issuer);
      return async (header, token) => {
        const cached = await current(issuer, entry);
        try {
          return await cached.keys(header, token);
        } catch (error) {
          const unknown = (error as { code?: unknown }).code === 'ERR_JWKS_NO_MATCHING_KEY'; // jose's own code
          if (!unknown || now() - entry.triedAt < cooldownMilliseconds) throw error;
          return (await refresh(issuer, entry)).keys(header, token);
        }
      };
    },
  });
}

function entryOf(entries: Map<string, Entry>, issuer: string): Entry {
  const known = entries.get(issuer);
  if (known !== undefined) return known;
  if (entries.size >= maxIssuers) entries.delete(entries.keys().next().value ?? '');
  const entry: Entry = { cached: null, triedAt: -Infinity, pending: null };
  entries.set(issuer, entry);
  return entry;
}

async function fetchKeySet(issuer: string, deps: KeySetDeps): Promise<JWTVerifyGetKey> {
  try {
    const metadata = (await deps.fetchJson(
      `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
    )) as Record<string, unknown>;
    // OpenID Connect Discovery section 4.3: the document must speak for this very issuer.
    if (metadata['issuer'] !== issuer) throw new TypeError('the discovery document names another issuer');
    const keySet = (await deps.fetchJson(String(metadata['jwks_uri']))) as JSONWebKeySet; // createLocalJWKSet checks the shape
    const usable = keySet.keys.filter((key) => key.use !== 'enc' && key.kty !== 'oct');
    return createLocalJWKSet({ keys: usable }) as JWTVerifyGetKey;
  } catch (cause) {
    if (isGatehouseError(cause)) throw cause;
    throw unavailable(issuer, cause);
  }
}

function unavailable(issuer: string, cause?: unknown): Error {
  return identityError(
    'ERR_PROVIDER_UNAVAILABLE',
    503,
    'the identity provider cannot be asked for its keys; try again soon',
    {
      details: { issuer },
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
