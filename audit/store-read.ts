import { statement } from '../db/index.ts';

/** One entry with its bytes. */
export const selectEntry = statement(
  'audit.select_entry',
  `select seq, body, leaf_hash as "leafHash" from audit.entry where tenant_id = $1 and seq = $2`,
);

/** A run of entries, as bundles are made of. */
export const selectBodies = statement(
  'audit.select_bodies',
  `select seq, body from audit.entry where tenant_id = $1 and seq >= $2 and seq < $3 order by seq`,
);

/** A run of leaf hashes, as partial tiles are made of. */
export const selectLeafHashes = statement(
  'audit.select_leaf_hashes',
  `select leaf_hash as hash from audit.entry where tenant_id = $1 and seq >= $2 and seq < $3 order by seq`,
);

/** A stored tile. */
export const selectTile = statement(
  'audit.select_tile',
  `select hashes from audit.tile where tenant_id = $1 and level = $2 and index = $3`,
);

/** Roots of stored tiles, as partial tiles above level 0 are made of. */
export const selectTileRoots = statement(
  'audit.select_tile_roots',
  `select root as hash from audit.tile where tenant_id = $1 and level = $2 and index >= $3 and index < $4 order by index`,
);

/** The current signed checkpoint. */
export const selectCheckpoint = statement(
  'audit.select_checkpoint',
  `select size, root, checkpoint as note, updated_at as "signedAt" from audit.head where tenant_id = $1`,
);

/** A checkpoint of the past. */
export const selectCheckpointOf = statement(
  'audit.select_checkpoint_of',
  `select size, root, note, signed_at as "signedAt" from audit.checkpoint where tenant_id = $1 and size = $2`,
);

/** Kept checkpoints, largest first. */
export const selectKeptCheckpoints = statement(
  'audit.select_kept_checkpoints',
  `select size, root, note, signed_at as "signedAt" from audit.checkpoint where tenant_id = $1 and size < $2 order by size desc limit $3`,
);

/** Sealed groups behind some commitments. */
export const selectSealedGroups = statement(
  'audit.select_sealed_groups',
  `select commitment, kind, sealed from audit.sealed_group where tenant_id = $1 and commitment = any($2::bytea[])`,
);

/** A detail that stands beside the log. */
export const selectDetail = statement(
  'audit.select_detail',
  `select body from audit.detail where tenant_id = $1 and digest = $2`,
);
