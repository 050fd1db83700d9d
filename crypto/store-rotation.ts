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
 * $1 tenant, $2 active epoch, $3 limit: locks what it returns and leaves what others hold. One row per epoch with the keys of people, one per key of
 * a purpose; `records` holds for each kid(8) wrapped(60) commitment(32) subject(16, zero for a purpose).
 */
export const lockStaleKeys = statement(
  'crypto.lock_stale_deks',
  `with stale as materialized (
     select kid, wrapped, commitment, subject_id, purpose, epoch from crypto.dek
     where tenant_id = $1 and epoch < $2 and state <> 'shredded' order by epoch, kid limit $3 for no key update skip locked)
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

/**
 * Locks current keys that may be replaced. $1 tenant, $2 kids or null, $3 person or null, $4 purpose or null, $5 made before or null,
 * $6 last kid seen or null, $7 limit. Keys whose output is compared (index, mac) are never among them.
 */
export const lockCurrentKeys = statement(
  'crypto.lock_current_deks',
  `select kid, subject_id, purpose from crypto.dek
   where tenant_id = $1 and state = 'active' and ($2::bytea[] is null or kid = any($2::bytea[]))
     and ($3::uuid is null or subject_id = $3::uuid) and ($4::text is null or purpose = $4::text)
     and ($5::timestamptz is null or created_at < $5::timestamptz) and ($6::bytea is null or kid > $6::bytea)
     and (purpose is null or (purpose <> 'index' and purpose not like 'mac:%'))
   order by kid limit $7 for no key update`,
);

/** $1 tenant, $2 kids: they open what they sealed and seal no more */
export const supersedeKeys = statement(
  'crypto.supersede_deks',
  `update crypto.dek set state = 'superseded', current = false where tenant_id = $1 and kid = any($2::bytea[]) and state = 'active'`,
);

/** $1 tenant, $2 purpose */
export const supersedePurposeKey = statement(
  'crypto.supersede_purpose_dek',
  `update crypto.dek set state = 'superseded', current = false where tenant_id = $1 and purpose = $2 and state = 'active' returning kid`,
);

/** Of some keys those that are superseded. $1 tenant, $2 kids */
export const readSupersededKids = statement(
  'crypto.read_superseded_deks',
  `select kid from crypto.dek where tenant_id = $1 and kid = any($2::bytea[]) and state = 'superseded'`,
);

/** $1 tenant, $2 person or null, $3 purpose or null, $4 made before or null */
export const countCurrentKeys = statement(
  'crypto.count_current_deks',
  `select count(*)::integer as count from crypto.dek
   where tenant_id = $1 and state = 'active' and ($2::uuid is null or subject_id = $2::uuid) and ($3::text is null or purpose = $3::text)
     and ($4::timestamptz is null or created_at < $4::timestamptz)
     and (purpose is null or (purpose <> 'index' and purpose not like 'mac:%'))`,
);
