import type { IDToken } from 'openid-client';
import type { ConnectionRow } from './store-connections.ts';

/** What we believe of an ID token. */
export type AssertedIdentity = {
  readonly subject: string;
  readonly displayName: string;
  readonly email: string | null;
  readonly roles: readonly string[];
  readonly level: 1 | 2 | 3;
  readonly authenticatedAt: Date | null;
  readonly methods: readonly string[];
};

/** Reads the claims of a verified ID token by the connection's rules. */
export function readClaims(claims: IDToken, connection: ConnectionRow): AssertedIdentity {
  const authenticatedAt = typeof claims.auth_time === 'number' ? new Date(claims.auth_time * 1000) : null;
  const text = (name: string, max: number): string | null => {
    const value = claims[name];
    return typeof value === 'string' && value !== '' ? value.slice(0, max) : null;
  };
  const email = text('email', 254);
  return {
    subject: claims.sub,
    displayName: text('name', 200) ?? text('preferred_username', 200) ?? email ?? 'Unnamed user',
    email,
    roles: mapRoles(claims, connection),
    // A level without the time it was reached proves nothing (ASVS 6.8.4).
    level: authenticatedAt === null ? 1 : levelOf(claims['acr'], connection),
    authenticatedAt,
    methods: stringList(claims['amr']).slice(0, 10),
  };
}

function levelOf(acr: unknown, connection: ConnectionRow): 1 | 2 | 3 {
  const mapping = connection.acr_mapping;
  const level = typeof acr === 'string' && Object.hasOwn(mapping, acr) ? mapping[acr] : 1;
  return level === 2 || level === 3 ? level : 1;
}

/** Only roles that the connection names are taken, so that a provider cannot grant by inventing a name. */
function mapRoles(claims: IDToken, connection: ConnectionRow): readonly string[] {
  if (connection.role_claim === null) return [];
  let value: unknown = claims;
  for (const part of connection.role_claim.split('.')) {
    value =
      typeof value === 'object' && value !== null && Object.hasOwn(value, part)
        ? (value as Record<string, unknown>)[part]
        : undefined; // just probed
  }
  const mapping = connection.role_mapping;
  const mapped = stringList(value).flatMap((role) =>
    Object.hasOwn(mapping, role) ? [mapping[role] ?? ''] : [],
  );
  return [...new Set(mapped)];
}

const stringList = (value: unknown): readonly string[] =>
  Array.isArray(value)
    ? value.filter((item): item is string => typeof item === 'string').map((item) => item.slice(0, 100))
    : [];
