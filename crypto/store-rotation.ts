import { statement } from '../db/index.ts';

/** $1 tenant: the active epoch steps back, its rows stay readable */
export const demoteTenantKey = statement(
  'crypto.demote_kek',
  `update crypto.kek set state = 'rewrapping' where tenant_id = $1 and state = 'active' returning epoch`,
);

/** $1 tenant, $2 active epoch: waits for transactions that are making data keys under the epochs being left */
export const lockRewrappingTenantKeys = statement(
  'crypto.lock_rewrapping_keks',
  `select epoch from crypto.kek where tenant_id = $1 and epoch < $2 and state = 'rewrapping' order by epoch for update`,
);

/** $1 tenant, $2 active epoch */
export const supersedeTenantKeys = statement(
  'crypto.supersede_keks',
  `update crypto.kek k set state = 'superseded' where k.tenant_id = $1 and k.epoch < $2 and k.state = 'rewrapping'
     and not exists (select 1 from crypto.dek d where d.tenant_id = $1 and d.epoch = k.epoch and d.state <> 'shredded')
   returning epoch`,
);

/**
 * $1 tenant, $2 active epoch, $3 limit: locks what it returns. One row per epoch with the keys of people, one per key of
 * a purpose; `records` holds for each kid(8) wrapped(60) commitment(32) subject(16, zero for a purpose).
 */
export const lockStaleKeys = statement(
  'crypto.lock_stale_deks',
  `with stale as materialized (
     select kid, wrapped, commitment, subject_id, purpose, epoch from crypto.dek
     where tenant_id = $1 and epoch < $2 and state <> 'shredded' order by epoch, kid limit $3 for no key update)
   select epoch, purpose, string_agg(kid || wrapped || commitment || coalesce(uuid_send(subject_id), decode(repeat('00', 16), 'hex')), '') as records
   from stale group by epoch, purpose`,
);

/** $1 tenant, $2 active epoch */
export const countStaleKeys = statement(
  'crypto.count_stale_deks',
  `select count(*)::integer as count from crypto.dek where tenant_id = $1 and epoch < $2 and state <> 'shredded'`,
);

/** $1 tenant, $2 new epoch, $3 number of keys, $4 records of kid(8) wrapped(60) */
export const rewrapKeys = statement(
  'crypto.rewrap_deks',
  `update crypto.dek d set epoch = $2, wrapped = substr($4::bytea, n.at + 8, 60)
   from (select i * 68 + 1 as at, substr($4::bytea, i * 68 + 1, 8) as kid from generate_series(0, $3::integer - 1) i) n
   where d.tenant_id = $1 and d.kid = n.kid and d.epoch < $2 and d.state <> 'shredded'`,
);

/** $1 tenant */
export const hasUnfinishedRotation = statement(
  'crypto.has_unfinished_rotation',
  `select exists (select 1 from crypto.kek where tenant_id = $1 and state = 'rewrapping') as unfinished`,
);
