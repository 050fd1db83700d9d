import { statement } from '../db/index.ts';

/** Channel on which processes tell each other to drop cached keys. */
export const purgeChannel = 'crypto_keys';

/** $1 payload */
export const notifyPurge = statement('crypto.notify_purge', `select pg_notify('crypto_keys', $1)`);

/** $1 tenant */
export const readActiveTenantKey = statement(
  'crypto.read_active_kek',
  `select epoch, provider, wrapped, commitment from crypto.kek where tenant_id = $1 and state = 'active'`,
);

/** $1 tenant, $2 epoch */
export const readTenantKey = statement(
  'crypto.read_kek',
  `select epoch, provider, wrapped, commitment from crypto.kek where tenant_id = $1 and epoch = $2`,
);

/** $1 tenant, $2 epoch, $3 provider, $4 wrapped, $5 commitment */
export const insertTenantKey = statement(
  'crypto.insert_kek',
  `insert into crypto.kek (tenant_id, epoch, provider, wrapped, commitment, state)
   values ($1, $2, $3, $4, $5, 'active') on conflict do nothing returning epoch`,
);

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

/** $1 tenant */
export const readSupersededTenantKeys = statement(
  'crypto.read_superseded_keks',
  `select epoch from crypto.kek where tenant_id = $1 and state = 'superseded' order by epoch limit 1000`,
);

/** $1 tenant, $2 epoch */
export const markTenantKeyDestroyed = statement(
  'crypto.mark_kek_destroyed',
  `update crypto.kek set state = 'destroyed' where tenant_id = $1 and epoch = $2 and state = 'superseded' returning epoch`,
);

/** $1 tenant, $2 active epoch */
export const supersedeTenantKeys = statement(
  'crypto.supersede_keks',
  `update crypto.kek k set state = 'superseded' where k.tenant_id = $1 and k.epoch < $2 and k.state = 'rewrapping'
     and not exists (select 1 from crypto.dek d where d.tenant_id = $1 and d.epoch = k.epoch and d.state <> 'shredded')
   returning epoch`,
);

/** $1 tenant, $2 subject ids */
export const readSubjectKeys = statement(
  'crypto.read_subject_deks',
  `select kid, subject_id, purpose, epoch, wrapped, commitment, state, messages, shredded_at, shred_request
   from crypto.dek where tenant_id = $1 and subject_id = any($2::uuid[])`,
);

/** $1 tenant, $2 purpose */
export const readPurposeKey = statement(
  'crypto.read_purpose_dek',
  `select kid, subject_id, purpose, epoch, wrapped, commitment, state, messages, shredded_at, shred_request
   from crypto.dek where tenant_id = $1 and purpose = $2 and state = 'active'`,
);

/** $1 tenant, $2 kids */
export const readKeys = statement(
  'crypto.read_deks',
  `select kid, subject_id, purpose, epoch, wrapped, commitment, state, messages, shredded_at, shred_request
   from crypto.dek where tenant_id = $1 and kid = any($2::bytea[])`,
);

/** $1 tenant, $2 epoch, $3 messages counted ahead, $4 number of keys, $5 records of kid(8) subject(16) wrapped(60) commitment(32) */
export const insertSubjectKeys = statement(
  'crypto.insert_subject_deks',
  `insert into crypto.dek (tenant_id, epoch, messages, kid, subject_id, wrapped, commitment)
   select $1::uuid, $2::integer, $3::bigint, substr($5::bytea, at, 8), encode(substr($5::bytea, at + 8, 16), 'hex')::uuid,
     substr($5::bytea, at + 24, 60), substr($5::bytea, at + 84, 32)
   from (select i * 116 + 1 as at from generate_series(0, $4::integer - 1) i) n
   on conflict do nothing`,
);

/** $1 tenant, $2 epoch, $3 messages counted ahead, $4 purpose, $5 one record as above, subject unused */
export const insertPurposeKey = statement(
  'crypto.insert_purpose_dek',
  `insert into crypto.dek (tenant_id, epoch, messages, kid, purpose, wrapped, commitment)
   values ($1::uuid, $2::integer, $3::bigint, substr($5::bytea, 1, 8), $4::text, substr($5::bytea, 25, 60), substr($5::bytea, 85, 32))
   on conflict do nothing`,
);

/** $1 tenant, $2 kids, $3 messages each */
export const addMessages = statement(
  'crypto.add_messages',
  `update crypto.dek d set messages = d.messages + n.messages
   from (select * from unnest($2::bytea[], $3::bigint[]) u (kid, messages) order by u.kid) n
   where d.tenant_id = $1 and d.kid = n.kid and d.state <> 'shredded'`,
);

/** $1 tenant, $2 epoch, $3 kids, $4 subjects, $5 now, $6 request: people without a key never get one */
export const insertTombstones = statement(
  'crypto.insert_tombstones',
  `insert into crypto.dek (tenant_id, epoch, kid, subject_id, state, shredded_at, shred_request)
   select $1::uuid, $2::integer, n.kid, n.subject_id, 'shredded', $5::timestamptz, $6::text
   from unnest($3::bytea[], $4::uuid[]) n (kid, subject_id)
   on conflict do nothing`,
);

/** $1 tenant, $2 subjects, $3 now, $4 request */
export const shredKeys = statement(
  'crypto.shred_deks',
  `update crypto.dek set state = 'shredded', wrapped = null, commitment = null, shredded_at = $3, shred_request = $4
   where tenant_id = $1 and subject_id = any($2::uuid[]) and state <> 'shredded'
   returning kid, subject_id, epoch`,
);

/** $1 tenant, $2 ids, $3 kids, $4 epochs, $5 subject hashes, $6 request, $7 reason, $8 actor kind, $9 actor id, $10 now */
export const insertLedger = statement(
  'crypto.insert_ledger',
  `insert into crypto.shred_ledger (tenant_id, id, kid, epoch, subject_hash, request_id, reason, actor_kind, actor_id, shredded_at)
   select $1::uuid, n.*, $6::text, $7::text, $8::text, $9::text, $10::timestamptz
   from unnest($2::uuid[], $3::bytea[], $4::integer[], $5::bytea[]) n`,
);

/** $1 tenant, $2 last id seen or null, $3 limit */
export const readLedger = statement(
  'crypto.read_ledger',
  `select id, kid, epoch, subject_hash, request_id, reason, actor_kind, actor_id, shredded_at
   from crypto.shred_ledger where tenant_id = $1 and ($2::uuid is null or id < $2::uuid)
   order by id desc limit $3`,
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

/** $1 tenant */
export const readEpochs = statement(
  'crypto.read_epochs',
  `select k.epoch, k.state, k.created_at, count(d.kid) filter (where d.state <> 'shredded')::integer as keys
   from crypto.kek k left join crypto.dek d on d.tenant_id = k.tenant_id and d.epoch = k.epoch
   where k.tenant_id = $1 group by k.epoch, k.state, k.created_at order by k.epoch desc limit 1000`,
);

/** $1 tenant */
export const countSubjectKeys = statement(
  'crypto.count_subject_deks',
  `select count(*) filter (where state = 'active')::integer as active, count(*) filter (where state = 'shredded')::integer as shredded
   from crypto.dek where tenant_id = $1 and subject_id is not null`,
);

/** $1 tenant */
export const readPurposeKeys = statement(
  'crypto.read_purpose_deks',
  `select purpose, kid, created_at, state, messages from crypto.dek
   where tenant_id = $1 and purpose is not null order by purpose, created_at limit 1000`,
);

/** $1 tenant, $2 name */
export const readSigningKey = statement(
  'crypto.read_signing_key',
  `select public_key, sealed_private_key, created_at from crypto.signing_key where tenant_id = $1 and name = $2`,
);

/** $1 tenant, $2 name, $3 public key, $4 sealed private key */
export const insertSigningKey = statement(
  'crypto.insert_signing_key',
  `insert into crypto.signing_key (tenant_id, name, public_key, sealed_private_key) values ($1, $2, $3, $4)
   on conflict do nothing`,
);
