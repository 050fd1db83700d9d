import { statement } from '../../db/index.ts';

/** A user as listed. */
export type UserRow = {
  readonly id: string;
  readonly email: string | null;
  readonly display_name: string;
  readonly state: 'active' | 'disabled';
  readonly attributes: Record<string, string | readonly string[]>;
  readonly totp: boolean;
  readonly recovery_codes_left: number;
  readonly last_sign_in_at: Date | null;
  readonly created_at: Date;
};

const userColumns = `u.id, u.email, u.display_name, u.state, u.attributes, u.last_sign_in_at, u.created_at,
  exists (select 1 from identity.totp_factor f where f.tenant_id = u.tenant_id and f.user_id = u.id and f.state = 'confirmed') as totp,
  (select count(*)::int from identity.recovery_code c where c.tenant_id = u.tenant_id and c.user_id = u.id and c.used_at is null) as recovery_codes_left`;

/** $1 tenant, $2 id, $3 email, $4 display name, $5 login e-mail, $6 password hash, $7 roles, $8 attributes, $9 now */
export const insertUser = statement(
  'identity.insert_user',
  `insert into identity.user (tenant_id, id, email, display_name, login_email, password_hash, roles, attributes, created_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
);

/** $1 tenant, $2 after id, $3 limit */
export const listUsers = statement(
  'identity.list_users',
  `select ${userColumns} from identity.user u where u.tenant_id = $1 and u.id > $2 order by u.id limit $3`,
);

/** $1 tenant, $2 id */
export const findUser = statement(
  'identity.find_user',
  `select ${userColumns} from identity.user u where u.tenant_id = $1 and u.id = $2`,
);

/** $1 tenant, $2 id of a user or service account */
export const findName = statement(
  'identity.find_name',
  `select u.display_name as name from identity.user u where u.tenant_id = $1 and u.id = $2
   union all
   select s.name from identity.service_account s where s.tenant_id = $1 and s.id = $2`,
);

/** What the password stage needs. */
export type LoginRow = {
  readonly id: string;
  readonly state: 'active' | 'disabled';
  readonly password_hash: string;
  readonly totp: boolean;
};

/** $1 tenant, $2 login e-mail */
export const findLogin = statement(
  'identity.find_login',
  `select u.id, u.state, u.password_hash,
     exists (select 1 from identity.totp_factor f where f.tenant_id = u.tenant_id and f.user_id = u.id and f.state = 'confirmed') as totp
   from identity.user u where u.tenant_id = $1 and u.login_email = $2`,
);

/** $1 tenant, $2 id, $3 state or null, $4 display name or null, $5 attributes or null, $6 now */
export const updateUser = statement(
  'identity.update_user',
  `update identity.user set
     state = coalesce($3, state),
     display_name = coalesce($4, display_name),
     attributes = coalesce($5::jsonb, attributes),
     disabled_at = case when $3 = 'disabled' then coalesce(disabled_at, $6) when $3 = 'active' then null else disabled_at end
   where tenant_id = $1 and id = $2`,
);

/** Locks the user so that a sign-in and a deactivation cannot pass each other. $1 tenant, $2 id */
export const lockUser = statement(
  'identity.lock_user',
  `select u.id, u.state, u.display_name, u.email, u.login_email from identity.user u where u.tenant_id = $1 and u.id = $2 for update`,
);

/** $1 tenant, $2 id, $3 now, $4 asserted roles, $5 display name or null, $6 e-mail or null */
export const markSignedIn = statement(
  'identity.mark_signed_in',
  `update identity.user set last_sign_in_at = $3, roles = $4,
     display_name = coalesce($5, display_name), email = coalesce($6, email)
   where tenant_id = $1 and id = $2`,
);

/** $1 tenant, $2 connection, $3 subject, $4 user, $5 now */
export const insertFederatedIdentity = statement(
  'identity.insert_federated_identity',
  `insert into identity.federated_identity (tenant_id, connection_id, subject, user_id, created_at)
   values ($1, $2, $3, $4, $5) on conflict do nothing`,
);

/** $1 tenant, $2 connection, $3 subject */
export const findFederatedIdentity = statement(
  'identity.find_federated_identity',
  `select i.user_id from identity.federated_identity i
   where i.tenant_id = $1 and i.connection_id = $2 and i.subject = $3`,
);

/** A service account as listed. */
export type ServiceAccountRow = {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly attributes: Record<string, string | readonly string[]>;
  readonly state: 'active' | 'disabled';
  readonly secret_hash: Buffer;
  readonly created_at: Date;
};

/** $1 tenant, $2 id, $3 name, $4 secret hash, $5 roles, $6 attributes, $7 now */
export const insertServiceAccount = statement(
  'identity.insert_service_account',
  `insert into identity.service_account (tenant_id, id, name, secret_hash, roles, attributes, created_at)
   values ($1, $2, $3, $4, $5, $6, $7)`,
);

/** $1 tenant, $2 after id, $3 limit */
export const listServiceAccounts = statement(
  'identity.list_service_accounts',
  `select s.id, s.name, s.roles, s.attributes, s.state, s.secret_hash, s.created_at from identity.service_account s
   where s.tenant_id = $1 and s.id > $2 order by s.id limit $3`,
);

/** $1 tenant, $2 id */
export const findServiceAccount = statement(
  'identity.find_service_account',
  `select s.id, s.name, s.roles, s.attributes, s.state, s.secret_hash, s.created_at from identity.service_account s
   join db.tenant t on t.id = s.tenant_id and t.state = 'active'
   where s.tenant_id = $1 and s.id = $2`,
);

/** $1 tenant, $2 id, $3 now */
export const disableServiceAccount = statement(
  'identity.disable_service_account',
  `update identity.service_account set state = 'disabled', disabled_at = $3
   where tenant_id = $1 and id = $2 and state = 'active'`,
);

/** $1 slug */
export const findTenantBySlug = statement(
  'identity.find_tenant_by_slug',
  `select t.id, t.slug, t.name from db.tenant t where t.slug = $1 and t.state = 'active'`,
);

/** $1 id */
export const findTenant = statement(
  'identity.find_tenant',
  `select t.id, t.slug, t.name from db.tenant t where t.id = $1 and t.state = 'active'`,
);

/** $1 platform tenant, left out */
export const listTenants = statement(
  'identity.list_tenants',
  `select t.slug, t.name from db.tenant t where t.state = 'active' and t.id <> $1 order by t.slug limit 200`,
);
