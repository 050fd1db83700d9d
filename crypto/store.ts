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

/** $1 tenant, $2 subject ids */
export const readSubjectKeys = statement(
  'crypto.read_subject_deks',
  `select kid, subject_id, purpose, epoch, wrapped, commitment, state, messages, shredded_at, shred_request, poison
   from crypto.dek where tenant_id = $1 and subject_id = any($2::uuid[]) and current`,
);

/** $1 tenant, $2 purpose */
export const readPurposeKey = statement(
  'crypto.read_purpose_dek',
  `select kid, subject_id, purpose, epoch, wrapped, commitment, state, messages, shredded_at, shred_request, poison
   from crypto.dek where tenant_id = $1 and purpose = $2 and current`,
);

/** $1 tenant, $2 kids */
export const readKeys = statement(
  'crypto.read_deks',
  `select kid, subject_id, purpose, epoch, wrapped, commitment, state, messages, shredded_at, shred_request, poison
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
   where d.tenant_id = $1 and d.kid = n.kid and d.state <> 'shredded' returning d.kid`,
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
