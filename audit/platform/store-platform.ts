import { statement } from '../../db/index.ts';

/** Origin and key of the platform log. */
export const selectPlatformLog = statement(
  'audit.select_platform_log',
  `select origin, vkey from audit.platform_log`,
);

/** Creates the platform log with its empty head and the checkpoint of size zero; does nothing when it is there. */
export const createPlatformLogRow = statement(
  'audit.create_platform_log',
  `with made as (
     insert into audit.platform_log (origin, vkey) values ($1, $2) on conflict (one) do nothing returning one),
   head as (
     insert into audit.platform_head (size, root, frontier, checkpoint) select 0, $3::bytea, ''::bytea, $4::text from made)
   insert into audit.platform_checkpoint (size, root, note, signed_at) select 0, $3::bytea, $4::text, $5::timestamptz from made`,
);

/** The head, locked until the transaction ends: one writer of all processes at a time. */
export const lockPlatformHead = statement(
  'audit.lock_platform_head',
  `select size, root, frontier, checkpoint as note from audit.platform_head for update`,
);

/** The head, for reading. */
export const selectPlatformHead = statement(
  'audit.select_platform_head',
  `select size, root, frontier, checkpoint as note, updated_at as "signedAt" from audit.platform_head`,
);

/** Heads of tenants' logs that are not the ones that the platform log saw last. */
export const selectChangedHeads = statement(
  'audit.select_changed_heads',
  `select l.origin, h.size, h.checkpoint as note, coalesce(p.log_size, 0)::bigint as "seenSize"
   from audit.head h join audit.log l on l.tenant_id = h.tenant_id
   left join lateral (
     select log_size from audit.platform_entry e where e.log_tag = sha256(convert_to(l.origin, 'UTF8'))
     order by log_size desc limit 1) p on true
   where h.size <> coalesce(p.log_size, 0) order by h.updated_at, h.tenant_id limit $1`,
);

/** Adds leaves, tiles that became full, the new head and its checkpoint, in one statement. */
export const advancePlatform = statement(
  'audit.advance_platform',
  `with moved as (
     update audit.platform_head set size = $2::bigint, root = $3::bytea, frontier = $4::bytea, checkpoint = $5::text, updated_at = $6::timestamptz
     where size = $1::bigint returning one),
   kept as (
     insert into audit.platform_checkpoint (size, root, note, signed_at)
     select $2::bigint, $3::bytea, $5::text, $6::timestamptz from moved),
   entries as (
     insert into audit.platform_entry (seq, log_tag, log_size, leaf_hash, body)
     select e.* from unnest($7::bigint[], $8::bytea[], $9::bigint[], $10::bytea[], $11::bytea[]) as e(seq, log_tag, log_size, leaf_hash, body)
     where exists (select from moved)),
   tiles as (
     insert into audit.platform_tile (level, index, hashes, root)
     select t.* from unnest($12::smallint[], $13::bigint[], $14::bytea[], $15::bytea[]) as t(level, index, hashes, root)
     where exists (select from moved))
   select audit.require_all((select count(*) from moved), 1)`,
);

/** A run of leaf hashes. */
export const selectPlatformLeafHashes = statement(
  'audit.select_platform_leaf_hashes',
  `select leaf_hash as hash from audit.platform_entry where seq >= $1 and seq < $2 order by seq`,
);

/** Roots of full tiles of one level. */
export const selectPlatformTileRoots = statement(
  'audit.select_platform_tile_roots',
  `select root as hash from audit.platform_tile where level = $1 and index >= $2 and index < $3 order by index`,
);

/** A full tile. */
export const selectPlatformTile = statement(
  'audit.select_platform_tile',
  `select hashes, root from audit.platform_tile where level = $1 and index = $2`,
);

/** A run of leaves. */
export const selectPlatformBodies = statement(
  'audit.select_platform_bodies',
  `select seq, body, leaf_hash as "leafHash", log_tag as "logTag" from audit.platform_entry where seq >= $1 and seq < $2 order by seq`,
);

/** The first leaf that holds a log at a size beyond an event. */
export const selectPlatformEntryCovering = statement(
  'audit.select_platform_entry_covering',
  `select seq, log_size as "logSize", body from audit.platform_entry where log_tag = $1 and log_size > $2 order by log_size limit 1`,
);

/** The leaves of one log, in order of their sizes. */
export const selectPlatformEntriesOf = statement(
  'audit.select_platform_entries_of',
  `select seq, log_size as "logSize", body from audit.platform_entry where log_tag = $1 and log_size > $2 order by log_size limit $3`,
);

/** Checkpoints kept of the platform log. */
export const selectPlatformCheckpoints = statement(
  'audit.select_platform_checkpoints',
  `select size, root, note from audit.platform_checkpoint where size > $1 order by size limit $2`,
);

/** One checkpoint of the platform log. */
export const selectPlatformCheckpointOf = statement(
  'audit.select_platform_checkpoint_of',
  `select size, root, note, signed_at as "signedAt" from audit.platform_checkpoint where size = $1`,
);
