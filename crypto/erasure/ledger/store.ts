import { statement } from '../../../db/index.ts';

/** $1 last id seen or null, $2 limit */
export const listLedgerTenants = statement(
  'crypto.list_ledger_tenants',
  `select id from db.tenant where $1::uuid is null or id > $1 order by id limit $2`,
);

/** $1 folder */
export const readLedgerFiles = statement(
  'crypto.read_ledger_files',
  `select file, lines, head from crypto.ledger_file where folder = $1 and set_aside_at is null limit 100000`,
);

/** $1 file, $2 folder, $3 lines, $4 head, $5 now */
export const rememberLedgerFile = statement(
  'crypto.remember_ledger_file',
  `insert into crypto.ledger_file as f (file, folder, lines, head, updated_at) values ($1, $2, $3, $4, $5)
   on conflict (file) do update set lines = excluded.lines, head = excluded.head, updated_at = excluded.updated_at
   where f.lines < excluded.lines`,
);

/** $1 files, $2 now */
export const setLedgerFilesAside = statement(
  'crypto.set_ledger_files_aside',
  `update crypto.ledger_file set set_aside_at = $2, updated_at = $2 where file = any($1::uuid[]) and set_aside_at is null`,
);

/** Keys that are believed beside our own. */
export const readLedgerKeys = statement(
  'crypto.read_ledger_keys',
  `select key_id from crypto.ledger_key limit 1000`,
);

/** $1 key id, $2 public key, $3 now */
export const trustLedgerKey = statement(
  'crypto.trust_ledger_key',
  `insert into crypto.ledger_key (key_id, public_key, trusted_at) values ($1, $2, $3) on conflict do nothing`,
);

/** $1 tenant, $2 kids: those whose key is not destroyed here */
export const readNotShredded = statement(
  'crypto.read_not_shredded',
  `select encode(u.kid, 'hex') as kid from unnest($2::bytea[]) u (kid)
   where not exists (select from crypto.dek d where d.tenant_id = $1 and d.kid = u.kid and d.state = 'shredded')`,
);

/** $1 tenant, $2 last id seen or null, $3 limit: oldest first */
export const readLedgerAfter = statement(
  'crypto.read_ledger_after',
  `select id, encode(kid, 'hex') as kid, epoch, encode(subject_hash, 'hex') as subject_hash, request_id, reason, actor_kind, actor_id, shredded_at
   from crypto.shred_ledger where tenant_id = $1 and ($2::uuid is null or id > $2) order by id limit $3`,
);

/** $1 tenant, $2 kids, $3 times, $4 requests */
export const replayShreds = statement(
  'crypto.replay_shreds',
  `update crypto.dek d set state = 'shredded', wrapped = null, commitment = null, shredded_at = u.at, shred_request = u.request
   from unnest($2::bytea[], $3::timestamptz[], $4::text[]) u (kid, at, request)
   where d.tenant_id = $1 and d.kid = u.kid and d.state <> 'shredded'`,
);

/** $1 tenant, $2 kids, $3 times, $4 requests: keys that this database never had stay destroyed as well */
export const insertReplayedTombstones = statement(
  'crypto.insert_replayed_tombstones',
  `insert into crypto.dek (tenant_id, epoch, kid, purpose, state, shredded_at, shred_request)
   select $1::uuid, (select min(k.epoch) from crypto.kek k where k.tenant_id = $1), u.kid, 'replayed:' || encode(u.kid, 'hex'), 'shredded', u.at, u.request
   from unnest($2::bytea[], $3::timestamptz[], $4::text[]) u (kid, at, request)
   on conflict do nothing`,
);

/** $1 tenant, $2 ids, $3 kids, $4 subject hashes, $5 requests, $6 reasons, $7 actor kinds, $8 actor ids, $9 times */
export const replayLedger = statement(
  'crypto.replay_ledger',
  `insert into crypto.shred_ledger (tenant_id, id, kid, epoch, subject_hash, request_id, reason, actor_kind, actor_id, shredded_at)
   select $1::uuid, u.id, u.kid, d.epoch, u.subject, u.request, u.reason, u.actor_kind, u.actor_id, u.at
   from unnest($2::uuid[], $3::bytea[], $4::bytea[], $5::text[], $6::text[], $7::text[], $8::text[], $9::timestamptz[])
     u (id, kid, subject, request, reason, actor_kind, actor_id, at)
   join crypto.dek d on d.tenant_id = $1 and d.kid = u.kid
   on conflict do nothing`,
);
