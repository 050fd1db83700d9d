import type { Database, Tx } from '../../db/index.ts';
import { exactlyOne } from '../../db/index.ts';
import {
  platformTenantId,
  type AuditSink,
  type Clock,
  type NewId,
  type Secret,
  type TenantId,
} from '../../kernel/index.ts';
import { systemActor, type ActorOfChange } from '../accounts/users.ts';
import { identityError } from '../errors.ts';
import { connectionCreated } from '../events.ts';
import type { Sealing } from '../ports.ts';
import { sealedColumn } from '../sealed-values.ts';
import {
  ensureEmbeddedConnection,
  findConnection,
  findEmbeddedConnection,
  findIssuer,
  insertConnection,
  insertIssuer,
  listConnections,
  type ConnectionRow,
} from './store-connections.ts';

/** A foreign provider to be connected. */
export type NewConnection = {
  readonly name: string;
  readonly kind: 'oidc' | 'keycloak';
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: Secret | null;
  /** Audience of access tokens for our API. */
  readonly audience: string;
  /** Clients whose access tokens this tenant takes; an issuer and client belong to one tenant only. */
  readonly authorizedParties?: readonly string[];
  readonly roleClaim?: string;
  readonly roleMapping?: Readonly<Record<string, string>>;
  readonly acrMapping?: Readonly<Record<string, 1 | 2 | 3>>;
};

/** The providers of a tenant. */
export type Connections = {
  readonly create: (tx: Tx, connection: NewConnection, by?: ActorOfChange) => Promise<string>;
  readonly embedded: (tx: Tx) => Promise<string>;
  readonly hasForeign: (tx: Tx) => Promise<boolean>;
  /** The provider that a sign-in at this tenant goes to. @throws ERR_CONNECTION_UNKNOWN */
  readonly forSignIn: (tenantId: TenantId) => Promise<ConnectionRow>;
  readonly find: (tenantId: TenantId, id: string) => Promise<ConnectionRow | null>;
  readonly byIssuer: (
    issuer: string,
    party: string,
  ) => Promise<{ tenantId: TenantId; row: ConnectionRow } | null>;
  readonly openSecret: (tenantId: TenantId, row: ConnectionRow) => Promise<string | null>;
};

/** What it is built from. */
export type ConnectionDeps = {
  readonly database: Database;
  readonly crypto: Sealing;
  readonly audit: AuditSink<Tx>;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly publicUrl: string;
};

/** The relying party's client id at the embedded provider. */
export const consoleClientId = 'gatehouse-console';

/** Builds the connections. */
export function createConnections(deps: ConnectionDeps): Connections {
  const { database, clock, newId, publicUrl } = deps;
  const sealed = sealedColumn(deps.crypto, 'connection', 'client_secret');
  const find = async (tenantId: TenantId, id: string): Promise<ConnectionRow | null> => {
    const query = (tx: Tx) => tx.query<ConnectionRow>(findConnection, [tenantId, id]);
    return (await database.withTenant(tenantId, query, { readOnly: true })).rows[0] ?? null;
  };
  return Object.freeze({
    find,
    hasForeign: async (tx: Tx) =>
      (await tx.query<ConnectionRow>(listConnections, [tx.tenantId])).rows.some(
        (row) => row.kind !== 'embedded',
      ),
    create: (tx: Tx, connection: NewConnection, by: ActorOfChange = { actor: systemActor }) =>
      insert(tx, connection, by),
    embedded: async (tx: Tx) => {
      const values = [tx.tenantId, newId(), `${publicUrl}/oidc`, consoleClientId, publicUrl, clock.now()];
      await tx.query(ensureEmbeddedConnection, values);
      return exactlyOne(
        await tx.query<ConnectionRow>(findEmbeddedConnection, [tx.tenantId]),
        'embedded connection',
      ).id;
    },
    forSignIn: async (tenantId: TenantId) => {
      const query = (tx: Tx) => tx.query<ConnectionRow>(listConnections, [tenantId]);
      const { rows } = await database.withTenant(tenantId, query, { readOnly: true });
      const active = rows.find((row) => row.state === 'active');
      if (active !== undefined) return active;
      throw identityError(
        'ERR_CONNECTION_UNKNOWN',
        404,
        'this tenant has no active identity provider; ask its administrator',
      );
    },
    byIssuer: async (issuer: string, party: string) => {
      const { rows } = await database.withSystem(
        (tx) => tx.query<{ tenant_id: TenantId; connection_id: string }>(findIssuer, [issuer, party]),
        { readOnly: true },
      );
      const entry = rows[0];
      const row = entry === undefined ? null : await find(entry.tenant_id, entry.connection_id);
      return entry === undefined || row === null || row.state !== 'active'
        ? null
        : { tenantId: entry.tenant_id, row };
    },
    openSecret: async (tenantId: TenantId, row: ConnectionRow) => {
      const { client_secret: secret } = row;
      if (secret === null) return null;
      await deps.crypto.warm(tenantId);
      return database.withTenant(tenantId, (tx) => sealed.open(tx, row.id, secret));
    },
  });

  async function insert(tx: Tx, connection: NewConnection, by: ActorOfChange): Promise<string> {
    if (tx.tenantId === platformTenantId)
      throw identityError('ERR_FORBIDDEN', 403, 'the platform signs nobody in; connect a customer tenant');
    const id = newId();
    const { clientSecret } = connection;
    const secret = clientSecret === null ? null : await sealed.seal(tx, id, clientSecret.reveal());
    const parties = connection.authorizedParties ?? [connection.clientId];
    await tx.query(insertConnection, [
      tx.tenantId, id, connection.name, connection.kind, connection.issuer, connection.clientId, secret, connection.audience,
      parties, connection.roleClaim ?? null, connection.roleMapping ?? {}, connection.acrMapping ?? { aal1: 1, aal2: 2 }, clock.now(),
    ]); // prettier-ignore
    for (const party of parties) await tx.query(insertIssuer, [connection.issuer, party, tx.tenantId, id]);
    const targets = [{ type: 'identity.connection', id }];
    const detail = { connectionId: id, kind: connection.kind };
    await deps.audit.append(tx, {
      ...by,
      definition: connectionCreated,
      tenantId: tx.tenantId,
      outcome: 'success',
      targets,
      detail,
    });
    return id;
  }
}
