import { statement } from '../db/index.ts';

/** Creates a log with its empty head and the checkpoint of size zero; does nothing when the tenant has one. */
export const createLog = statement(
  'audit.create_log',
  `with made as (
     insert into audit.log (log_id, tenant_id, origin, vkey) values ($1, $2, $3, $4)
     on conflict (tenant_id) do nothing returning tenant_id),
   head as (
     insert into audit.head (tenant_id, size, root, frontier, checkpoint)
     select tenant_id, 0, $5::bytea, ''::bytea, $6::text from made)
   insert into audit.checkpoint (tenant_id, size, root, note, signed_at)
   select tenant_id, 0, $5::bytea, $6::text, $7::timestamptz from made`,
);

/** Where a log stands, with the newest checkpoint kept. */
export const selectHead = statement(
  'audit.select_head',
  `select h.size, h.epoch, h.root, h.frontier, h.checkpoint, c.size as "keptSize", c.root as "keptRoot"
   from audit.head h
   left join lateral (select size, root from audit.checkpoint where tenant_id = h.tenant_id order by size desc limit 1) c on true
   where h.tenant_id = $1`,
);

/** Leaf hashes from a sequence number on: the unfinished level-0 tile. */
export const selectLeafHashesFrom = statement(
  'audit.select_leaf_hashes_from',
  `select leaf_hash as hash from audit.entry where tenant_id = $1 and seq >= $2 and seq < $3 order by seq`,
);

/** Roots of full tiles of one level: the unfinished tile of the level above. */
export const selectTileRootsFrom = statement(
  'audit.select_tile_roots_from',
  `select root as hash from audit.tile where tenant_id = $1 and level = $2 and index >= $3 and index < $4 order by index`,
);

/**
 * Locks the heads in one order, so that two writers wait for each other and never deadlock; moves them by
 * compare-and-set; keeps the new checkpoints; stores the tiles that became full. Raises GHA01 when not all moved.
 */
export const moveHeads = statement(
  'audit.move_heads',
  `with given as materialized (
     select * from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[], $7::text[])
       as g(tenant_id, old_size, epoch, size, root, frontier, checkpoint)),
   locked as materialized (
     select tenant_id from audit.head where tenant_id = any($1::uuid[]) order by tenant_id for update),
   moved as (
     update audit.head h
     set size = g.size, root = g.root, frontier = g.frontier, checkpoint = g.checkpoint, updated_at = $8::timestamptz
     from given g join locked l on l.tenant_id = g.tenant_id
     where h.tenant_id = g.tenant_id and h.size = g.old_size and h.epoch = g.epoch
     returning h.tenant_id, h.size, h.root, h.checkpoint),
   kept as (
     insert into audit.checkpoint (tenant_id, size, root, note, signed_at)
     select tenant_id, size, root, checkpoint, $8::timestamptz from moved),
   tiles as (
     insert into audit.tile (tenant_id, level, index, hashes, root)
     select t.* from unnest($9::uuid[], $10::smallint[], $11::bigint[], $12::bytea[], $13::bytea[]) as t(tenant_id, level, index, hashes, root)
     where (select count(*) from moved) = cardinality($1::uuid[]))
   select audit.require_all((select count(*) from moved), cardinality($1::uuid[]))`,
);

/** As `moveHeads`, for the usual batch: one log and no tile that became full. */
export const moveOneHead = statement(
  'audit.move_one_head',
  `with moved as (
     update audit.head
     set size = $4::bigint, root = $5::bytea, frontier = $6::bytea, checkpoint = $7::text, updated_at = $8::timestamptz
     where tenant_id = $1::uuid and size = $2::bigint and epoch = $3::bigint
     returning tenant_id),
   kept as (
     insert into audit.checkpoint (tenant_id, size, root, note, signed_at)
     select tenant_id, $4::bigint, $5::bytea, $7::text, $8::timestamptz from moved)
   select audit.require_all((select count(*) from moved), 1)`,
);

/** Takes events out of the waiting table that stand in the log already. */
export const deletePending = statement(
  'audit.delete_pending',
  `delete from audit.pending p using unnest($1::uuid[], $2::uuid[]) as g(tenant_id, id)
   where p.tenant_id = g.tenant_id and p.id = g.id`,
);

/** As `deletePending`; raises GHA01 when another writer took some of them. */
export const takePending = statement(
  'audit.take_pending',
  `with taken as (
     delete from audit.pending p using unnest($1::uuid[], $2::uuid[]) as g(tenant_id, id)
     where p.tenant_id = g.tenant_id and p.id = g.id returning 1)
   select audit.require_all((select count(*) from taken), cardinality($1::uuid[]))`,
);

/** SQLSTATE of `audit.require_all`: another writer was faster. */
export const headMovedState = 'GHA01';

/** Events of committed transactions, oldest first, leaving out what cannot be sequenced now. */
export const selectPending = statement(
  'audit.select_pending',
  `select tenant_id as "tenantId", id, received_at as "receivedAt", occurred_at as "occurredAt", action, outcome,
     actor_id as "actorId", targets, subjects, idempotency_key as "idempotencyKey", body
   from audit.pending
   where not tenant_id = any($1::uuid[]) and not id = any($2::uuid[])
   order by received_at, id limit $3`,
);

/** Whether anything waits. */
export const countPending = statement(
  'audit.count_pending',
  `select count(*)::integer as count from audit.pending`,
);

/** Which of these idempotency keys already stand in a log. */
export const selectKnownKeys = statement(
  'audit.select_known_keys',
  `select e.tenant_id as "tenantId", e.idempotency_key as "idempotencyKey" from audit.entry e
   join unnest($1::uuid[], $2::text[]) as g(tenant_id, key) on e.tenant_id = g.tenant_id and e.idempotency_key = g.key`,
);

/**
 * Raises the epoch of some heads, in one order: waits for whoever holds them, and lets no writer that read them before
 * move them any more.
 */
export const fenceHeads = statement(
  'audit.fence_heads',
  `with locked as materialized (
     select tenant_id from audit.head where tenant_id = any($1::uuid[]) order by tenant_id for update)
   update audit.head h set epoch = h.epoch + 1 from locked l where h.tenant_id = l.tenant_id`,
);

/** The ids that stand at the first and the last sequence number of a batch. */
export const selectEntryIds = statement(
  'audit.select_entry_ids',
  `select id from audit.entry where tenant_id = $1 and seq in ($2, $3) order by seq`,
);
