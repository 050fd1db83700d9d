import { statement } from '../../db/index.ts';

/** A provider of a tenant. */
export type ConnectionRow = {
  readonly id: string;
  readonly name: string;
  readonly kind: 'embedded' | 'oidc' | 'keycloak';
  readonly state: 'draft' | 'tested' | 'active' | 'disabled';
  readonly issuer: string;
  readonly client_id: string;
  readonly client_secret: Buffer | null;
  readonly audience: string;
  readonly authorized_parties: readonly string[];
  readonly algorithms: readonly string[];
  readonly role_claim: string | null;
  readonly role_mapping: Record<string, string>;
  readonly acr_mapping: Record<string, number>;
  readonly created_at: Date;
};

const columns = `c.id, c.name, c.kind, c.state, c.issuer, c.client_id, c.client_secret, c.audience, c.authorized_parties,
  c.algorithms, c.role_claim, c.role_mapping, c.acr_mapping, c.created_at`;

/** $1 tenant, $2 id, $3 name, $4 kind, $5 issuer, $6 client id, $7 sealed secret, $8 audience, $9 parties, $10 role claim, $11 role mapping, $12 acr mapping, $13 now */
export const insertConnection = statement(
  'identity.insert_connection',
  `insert into identity.connection (tenant_id, id, name, kind, issuer, client_id, client_secret, audience, authorized_parties,
     role_claim, role_mapping, acr_mapping, created_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
);

/** The embedded provider stands in every tenant that has a local user. $1 tenant, $2 id, $3 issuer, $4 client id, $5 audience, $6 now */
export const ensureEmbeddedConnection = statement(
  'identity.ensure_embedded_connection',
  `insert into identity.connection (tenant_id, id, name, kind, issuer, client_id, audience, created_at)
   values ($1, $2, 'Gatehouse', 'embedded', $3, $4, $5, $6)
   on conflict (tenant_id, kind) where kind = 'embedded' do nothing`,
);

/** $1 tenant */
export const findEmbeddedConnection = statement(
  'identity.find_embedded_connection',
  `select ${columns} from identity.connection c where c.tenant_id = $1 and c.kind = 'embedded'`,
);

/** $1 tenant, $2 id */
export const findConnection = statement(
  'identity.find_connection',
  `select ${columns} from identity.connection c
   join db.tenant t on t.id = c.tenant_id and t.state = 'active' where c.tenant_id = $1 and c.id = $2`,
);

/** Foreign providers before the embedded one, oldest first. $1 tenant */
export const listConnections = statement(
  'identity.list_connections',
  `select ${columns} from identity.connection c where c.tenant_id = $1
   order by c.kind = 'embedded', c.created_at, c.id limit 100`,
);

/** $1 tenant, $2 id, $3 state */
export const setConnectionState = statement(
  'identity.set_connection_state',
  `update identity.connection set state = $3 where tenant_id = $1 and id = $2`,
);

/** $1 issuer, $2 authorized party, $3 tenant, $4 connection */
export const insertIssuer = statement(
  'identity.insert_issuer',
  `insert into identity.issuer (issuer, authorized_party, tenant_id, connection_id) values ($1, $2, $3, $4)`,
);

/** $1 issuer, $2 authorized party */
export const findIssuer = statement(
  'identity.find_issuer',
  `select i.tenant_id, i.connection_id from identity.issuer i where i.issuer = $1 and i.authorized_party = $2`,
);

/** A sign-in under way. */
export type FlowRow = {
  readonly id: string;
  readonly connection_id: string;
  readonly state: string;
  readonly nonce: string;
  readonly code_verifier: string;
  readonly return_to: string;
  readonly max_age: number | null;
  readonly session_id: string | null;
};

/** $1 tenant, $2 id, $3 browser hash, $4 connection, $5 state, $6 nonce, $7 verifier, $8 return to, $9 max age, $10 session, $11 expires */
export const insertFlow = statement(
  'identity.insert_flow',
  `insert into identity.login_flow (tenant_id, id, browser_hash, connection_id, state, nonce, code_verifier, return_to, max_age, session_id, expires_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
);

/** Used once: taking it deletes it. $1 tenant, $2 id, $3 browser hash, $4 now */
export const takeFlow = statement(
  'identity.take_flow',
  `delete from identity.login_flow where tenant_id = $1 and id = $2 and browser_hash = $3 and expires_at > $4
   returning id, connection_id, state, nonce, code_verifier, return_to, max_age, session_id`,
);

/** $1 tenant, $2 now */
export const deleteExpiredFlows = statement(
  'identity.delete_expired_flows',
  `delete from identity.login_flow where tenant_id = $1 and expires_at <= $2`,
);
