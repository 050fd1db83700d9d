import { statement } from '../../db/index.ts';

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
