import { statement } from '../db/index.ts';

/**
 * Takes a key, also one whose entry has expired. No row means that somebody holds it.
 * $1 tenant, $2 principal, $3 key, $4 collection, $5 mac, $6 record id, $7 now, $8 expiry
 */
export const claimKey = statement(
  'gateway.claim_key',
  `insert into gateway.idempotency as held (tenant_id, principal_id, key, collection, request_mac, record_id, created_at)
   values ($1, $2, $3, $4, $5, $6, $7)
   on conflict (tenant_id, principal_id, key) do update
     set collection = excluded.collection, request_mac = excluded.request_mac, record_id = excluded.record_id,
         created_at = excluded.created_at
     where held.created_at < $8
   returning key`,
);

/** A create that was done. */
export type HeldKey = {
  readonly collection: string;
  readonly request_mac: Buffer;
  readonly record_id: string;
};

/** $1 tenant, $2 principal, $3 key */
export const selectKey = statement(
  'gateway.select_key',
  `select collection, request_mac, record_id from gateway.idempotency
   where tenant_id = $1 and principal_id = $2 and key = $3`,
);

/** $1 tenant, $2 principal, $3 expiry */
export const deleteExpiredKeys = statement(
  'gateway.delete_expired_keys',
  'delete from gateway.idempotency where tenant_id = $1 and principal_id = $2 and created_at < $3',
);

/** Every statement of the room, for the test that PREPAREs them. */
export const gatewayStatements = Object.freeze([claimKey, selectKey, deleteExpiredKeys]);
