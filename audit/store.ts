import { statement } from '../db/index.ts';

// Written by the application, in the caller's transaction.

/** Keeps sealed personal groups behind their commitments. */
export const insertSealedGroups = statement(
  'audit.insert_sealed_groups',
  `insert into audit.sealed_group (tenant_id, commitment, kind, subject_id, sealed)
   select $1::uuid, g.* from unnest($2::bytea[], $3::text[], $4::uuid[], $5::bytea[]) as g(commitment, kind, subject_id, sealed)`,
);

/** Keeps a detail that is too large for a leaf. */
export const insertDetail = statement(
  'audit.insert_detail',
  `insert into audit.detail (tenant_id, digest, body) values ($1, $2, $3) on conflict (tenant_id, digest) do nothing`,
);

/** Puts an event on its way, unless its idempotency key is known, and wakes the writers of all processes. */
export const insertPending = statement(
  'audit.insert_pending',
  `with added as (
     insert into audit.pending (tenant_id, id, received_at, occurred_at, action, outcome, actor_id, targets, subjects, idempotency_key, body)
     select $1::uuid, $2::uuid, $3::timestamptz, $4::timestamptz, $5::text, $6::text, $7::text, $8::text, $9::uuid[], $10::text, $11::bytea
     where $10::text is null
       or not exists (select 1 from audit.entry e where e.tenant_id = $1::uuid and e.idempotency_key = $10::text)
     on conflict (tenant_id, idempotency_key) do nothing
     returning 1)
   select pg_notify('audit_pending', '') from added`,
);

/** The log of a tenant. */
export const selectLogByTenant = statement(
  'audit.select_log_by_tenant',
  `select log_id as "logId", tenant_id as "tenantId", origin, vkey, created_at as "createdAt" from audit.log where tenant_id = $1`,
);

/** The tenant of a log. */
export const selectLogById = statement(
  'audit.select_log_by_id',
  `select log_id as "logId", tenant_id as "tenantId", origin, vkey, created_at as "createdAt" from audit.log where log_id = $1`,
);
