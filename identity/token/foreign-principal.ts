import { createHash } from 'node:crypto';
import { parsePrincipalId, type Principal, type TenantId } from '../../kernel/index.ts';
import { readClaims } from '../relying-party/read-claims.ts';
import type { ConnectionRow } from '../relying-party/store-connections.ts';
import { tokenError } from './challenge.ts';
import type { VerifiedToken } from './verify-access-token.ts';

/** An id that is always the same for one subject of one connection (RFC 9562 section 5.8, own name space). */
function stableId(connectionId: string, subject: string): string {
  const bytes = createHash('sha256').update(`${connectionId}|${subject}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/**
 * Whether the token was got by client credentials: Keycloak names the client in such a token, RFC 9068 says sub is the
 * client id.
 */
function isMachine(claims: VerifiedToken['claims']): boolean {
  const client = claims['client_id'] ?? claims['azp'];
  const keycloakMachine =
    typeof claims['preferred_username'] === 'string' &&
    claims['preferred_username'] === `service-account-${String(client)}`;
  return claims.sub === client || keycloakMachine;
}

/**
 * The principal of a verified foreign token. Only machines come in by a foreign bearer token: people have a session. A
 * client-credentials token never counts as a person, whatever its acr says.
 *
 * @throws ERR_TOKEN_INVALID for a person's token
 */
export function foreignPrincipal(
  tenantId: TenantId,
  connection: ConnectionRow,
  { claims }: VerifiedToken,
): Principal {
  if (!isMachine(claims)) throw tokenError('it belongs to a person; people sign in to a session');
  const asserted = readClaims(claims as Parameters<typeof readClaims>[0], connection); // the gate proved iss, sub, aud, exp and iat
  return Object.freeze({
    kind: 'service_account',
    tenantId,
    id: parsePrincipalId(stableId(connection.id, asserted.subject)),
    displayName: asserted.displayName,
    email: null,
    roles: asserted.roles,
    attributes: {},
    assurance: { level: 1 as const, authenticatedAt: null, methods: [] },
    sessionId: null,
  });
}
