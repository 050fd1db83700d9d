import { statement } from '../../db/index.ts';

/** A session with its user. */
export type SessionRow = {
  readonly id: string;
  readonly secret_hash: Buffer;
  readonly user_id: string;
  readonly connection_id: string;
  readonly connection_kind: 'embedded' | 'oidc' | 'keycloak';
  readonly level: 1 | 2 | 3;
  readonly authenticated_at: Date | null;
  readonly methods: readonly string[];
  readonly last_seen_at: Date;
  readonly expires_at: Date;
  readonly created_at: Date;
  readonly ip: string | null;
  readonly user_agent: string | null;
  readonly display_name: string;
  readonly email: string | null;
  readonly roles: readonly string[];
  readonly attributes: Record<string, string | readonly string[]>;
};

const columns = `s.id, s.secret_hash, s.user_id, s.connection_id, c.kind as connection_kind, s.level, s.authenticated_at, s.methods,
  s.last_seen_at, s.expires_at, s.created_at, host(s.ip) as ip, s.user_agent, u.display_name, u.email, u.roles, u.attributes`;
const living = `from identity.session s
  join identity.user u on u.tenant_id = s.tenant_id and u.id = s.user_id and u.state = 'active'
  join identity.connection c on c.tenant_id = s.tenant_id and c.id = s.connection_id and c.state <> 'disabled'
  join db.tenant t on t.id = s.tenant_id and t.state = 'active'
  where s.tenant_id = $1 and s.ended_at is null and s.expires_at > $2
    and s.last_seen_at + make_interval(secs => s.idle_seconds) > $2`;

/** $1 tenant, $2 now, $3 id */
export const findSession = statement('identity.find_session', `select ${columns} ${living} and s.id = $3`);

/** $1 tenant, $2 now, $3 after id, $4 limit, $5 user or null for everybody */
export const listSessions = statement(
  'identity.list_sessions',
  `select ${columns} ${living} and s.id > $3 and ($5::uuid is null or s.user_id = $5) order by s.id limit $4`,
);

/** $1 tenant, $2 id, $3 now */
export const touchSession = statement(
  'identity.touch_session',
  `update identity.session set last_seen_at = $3 where tenant_id = $1 and id = $2 and ended_at is null and last_seen_at < $3`,
);

/** $1 tenant, $2 id, $3 secret hash, $4 user, $5 connection, $6 level, $7 authenticated at, $8 methods, $9 provider id token, $10 ip, $11 user agent, $12 now, $13 idle seconds, $14 expires at */
export const insertSession = statement(
  'identity.insert_session',
  `insert into identity.session (tenant_id, id, secret_hash, user_id, connection_id, level, authenticated_at, methods,
     provider_id_token, ip, user_agent, created_at, last_seen_at, idle_seconds, expires_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::inet, $11, $12, $12, $13, $14)`,
);

/** Raises a session and gives it a new id and secret at once; a second one in parallel gets no row. $1 tenant, $2 old id, $3 new id, $4 new secret hash, $5 level, $6 now, $7 methods */
export const rotateSession = statement(
  'identity.rotate_session',
  `update identity.session set id = $3, secret_hash = $4, level = greatest(level, $5), authenticated_at = $6, last_seen_at = $6, methods = $7
   where tenant_id = $1 and id = $2 and ended_at is null`,
);

/** $1 tenant, $2 id, $3 now, $4 reason */
export const endSession = statement(
  'identity.end_session',
  `update identity.session set ended_at = $3, end_reason = $4
   where tenant_id = $1 and id = $2 and ended_at is null returning id, user_id, connection_id, provider_id_token`,
);

/** $1 tenant, $2 user, $3 now, $4 reason, $5 session to keep or null */
export const endSessionsOfUser = statement(
  'identity.end_sessions_of_user',
  `update identity.session set ended_at = $3, end_reason = $4
   where tenant_id = $1 and user_id = $2 and ended_at is null and id is distinct from $5::uuid returning id`,
);
