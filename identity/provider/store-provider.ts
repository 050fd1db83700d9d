import { statement } from '../../db/index.ts';

/** State of the provider as stored. */
export type ProviderObjectRow = {
  readonly id_hash: Buffer;
  readonly payload: Buffer;
  readonly consumed_at: Date | null;
};

/** $1 tenant, $2 model, $3 id hash, $4 sealed payload, $5 uid, $6 grant, $7 expires at */
export const upsertProviderObject = statement(
  'identity.upsert_provider_object',
  `insert into identity.provider_object (tenant_id, model, id_hash, payload, uid, grant_id, expires_at)
   values ($1, $2, $3, $4, $5, $6, $7)
   on conflict (tenant_id, model, id_hash) do update set payload = excluded.payload, uid = excluded.uid,
     grant_id = excluded.grant_id, expires_at = excluded.expires_at`,
);

/** $1 tenant, $2 model, $3 id hash, $4 now */
export const findProviderObject = statement(
  'identity.find_provider_object',
  `select o.id_hash, o.payload, o.consumed_at from identity.provider_object o
   where o.tenant_id = $1 and o.model = $2 and o.id_hash = $3 and o.expires_at > $4`,
);

/** $1 tenant, $2 model, $3 uid, $4 now */
export const findProviderObjectByUid = statement(
  'identity.find_provider_object_by_uid',
  `select o.id_hash, o.payload, o.consumed_at from identity.provider_object o
   where o.tenant_id = $1 and o.model = $2 and o.uid = $3 and o.expires_at > $4`,
);

/** $1 tenant, $2 model, $3 id hash, $4 now */
export const consumeProviderObject = statement(
  'identity.consume_provider_object',
  `update identity.provider_object set consumed_at = $4
   where tenant_id = $1 and model = $2 and id_hash = $3 and consumed_at is null`,
);

/** $1 tenant, $2 model, $3 id hash */
export const deleteProviderObject = statement(
  'identity.delete_provider_object',
  `delete from identity.provider_object where tenant_id = $1 and model = $2 and id_hash = $3`,
);

/** $1 tenant, $2 grant */
export const deleteProviderGrant = statement(
  'identity.delete_provider_grant',
  `delete from identity.provider_object where tenant_id = $1 and grant_id = $2`,
);

/** $1 tenant, $2 now */
export const deleteExpiredProviderObjects = statement(
  'identity.delete_expired_provider_objects',
  `delete from identity.provider_object where tenant_id = $1 and expires_at <= $2`,
);

/** $1 tenant, $2 name */
export const findProviderSecret = statement(
  'identity.find_provider_secret',
  `select p.sealed from identity.provider_secret p where p.tenant_id = $1 and p.name = $2`,
);

/** The first replica wins; the others read what it wrote. $1 tenant, $2 name, $3 sealed, $4 now */
export const insertProviderSecret = statement(
  'identity.insert_provider_secret',
  `insert into identity.provider_secret (tenant_id, name, sealed, created_at) values ($1, $2, $3, $4) on conflict do nothing`,
);
