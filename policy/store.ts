import { statement } from '../db/index.ts';

/** Serialises changes of a tenant's policy by its row lock and tells every replica. */
export const bumpRevision = statement(
  'policy.bump_revision',
  `with bumped as (
     insert into policy.revision (tenant_id, number, changed_at) values ($1, 1, $2)
     on conflict (tenant_id) do update set number = policy.revision.number + 1, changed_at = excluded.changed_at
     returning number)
   select number, pg_notify('policy_revision', $1::uuid::text) from bumped`,
);

/** No row: nothing was ever installed. */
export const selectRevision = statement(
  'policy.select_revision',
  `select number from policy.revision where tenant_id = $1`,
);

/** All roles with their rules. */
export const selectRoles = statement(
  'policy.select_roles',
  `select name, description, rules, built_in as "builtIn", updated_at as "updatedAt" from policy.role where tenant_id = $1 order by name`,
);

/** One role, locked against change. */
export const selectRoleForUpdate = statement(
  'policy.select_role_for_update',
  `select name, built_in as "builtIn" from policy.role where tenant_id = $1 and name = $2 for update`,
);

/** Makes or replaces a role. */
export const upsertRole = statement(
  'policy.upsert_role',
  `insert into policy.role (tenant_id, name, description, rules, built_in, updated_at) values ($1, $2, $3, $4::jsonb, $5, $6)
   on conflict (tenant_id, name) do update
   set description = excluded.description, rules = excluded.rules, built_in = excluded.built_in, updated_at = excluded.updated_at
   where (role.description, role.rules, role.built_in) is distinct from (excluded.description, excluded.rules, excluded.built_in)`,
);

/** Removes a role that nobody holds. */
export const deleteRole = statement(
  'policy.delete_role',
  `delete from policy.role where tenant_id = $1 and name = $2`,
);

/** Which of these roles exist. */
export const selectRoleNames = statement(
  'policy.select_role_names',
  `select name from policy.role where tenant_id = $1 and name = any($2::text[])`,
);

/** A principal's grants, expired ones included: the caller knows the time. */
export const selectGrantsOf = statement(
  'policy.select_grants_of',
  `select id, role, expires_at as "expiresAt", last_used_at as "lastUsedAt" from policy.grant
   where tenant_id = $1 and principal_id = $2 order by role`,
);

/** Gives a role, or prolongs the grant that is there. */
export const upsertGrant = statement(
  'policy.upsert_grant',
  `insert into policy.grant (tenant_id, id, principal_id, role, granted_by, reason, granted_at, expires_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8)
   on conflict (tenant_id, principal_id, role) do update
   set granted_by = excluded.granted_by, reason = excluded.reason, granted_at = excluded.granted_at, expires_at = excluded.expires_at
   returning id`,
);

/** Takes a role away. */
export const deleteGrant = statement(
  'policy.delete_grant',
  `delete from policy.grant where tenant_id = $1 and id = $2 returning principal_id as "principalId", role`,
);

/** A page of grants by id; $2 null for the first. */
export const selectGrants = statement(
  'policy.select_grants',
  `select id, principal_id as "principalId", role, granted_by as "grantedBy", reason, granted_at as "grantedAt",
     expires_at as "expiresAt", last_used_at as "lastUsedAt"
   from policy.grant
   where tenant_id = $1 and ($2::uuid is null or id > $2) and ($3::uuid is null or principal_id = $3) order by id limit $4`,
);

/** Remembers that grants were relied on; at most once an hour each. */
export const touchGrants = statement(
  'policy.touch_grants',
  `update policy.grant set last_used_at = $3
   where tenant_id = $1 and id = any($2::uuid[]) and (last_used_at is null or last_used_at < $3::timestamptz - interval '1 hour')`,
);

/** A subject of a tenant's own application. */
export const selectSubject = statement(
  'policy.select_subject',
  `select properties, roles from policy.subject where tenant_id = $1 and type = $2 and id = $3`,
);

/** Makes or replaces such a subject. */
export const upsertSubject = statement(
  'policy.upsert_subject',
  `insert into policy.subject (tenant_id, type, id, properties, roles, updated_at) values ($1, $2, $3, $4::jsonb, $5, $6)
   on conflict (tenant_id, type, id) do update
   set properties = excluded.properties, roles = excluded.roles, updated_at = excluded.updated_at`,
);

/** Removes such a subject. */
export const deleteSubject = statement(
  'policy.delete_subject',
  `delete from policy.subject where tenant_id = $1 and type = $2 and id = $3`,
);

/** Resource types of the tenant's own applications. */
export const selectResourceTypes = statement(
  'policy.select_resource_types',
  `select type, fields from policy.resource_type where tenant_id = $1 order by type`,
);

/** Makes or replaces a resource type. */
export const upsertResourceType = statement(
  'policy.upsert_resource_type',
  `insert into policy.resource_type (tenant_id, type, fields, updated_at) values ($1, $2, $3::jsonb, $4)
   on conflict (tenant_id, type) do update set fields = excluded.fields, updated_at = excluded.updated_at`,
);
