import type { Queries } from '../db/index.ts';
import type { TenantId } from '../kernel/index.ts';
import type { ReadTile } from './build-proof.ts';
import { formatEntryBundle } from './entry-bundle.ts';
import { auditError } from './errors.ts';
import { hashBytes } from './hash.ts';
import { selectBodies, selectLeafHashes, selectTile, selectTileRoots } from './store-read.ts';
import { tileWidth } from './tree-writer.ts';

/** Where hashes of a log are kept. */
export type HashStore = {
  readonly tile: (level: number, index: number) => Promise<Buffer | null>;
  readonly leafHashes: (start: number, end: number) => Promise<readonly Buffer[]>;
  /** Roots of full tiles of a level. */
  readonly tileRoots: (level: number, start: number, end: number) => Promise<readonly Buffer[]>;
};

/**
 * Reads tiles of one log: full ones as stored, partial ones made from leaf hashes or from the roots of the level below.
 *
 * @throws ERR_AUDIT_CORRUPT when hashes are missing
 */
export function createTileReader(queries: Queries, tenantId: TenantId): ReadTile {
  return readTilesOf(tenantHashes(queries, tenantId));
}

/** As {@link createTileReader}, for any log. */
export function readTilesOf(store: HashStore): ReadTile {
  return async (level, index, width) => {
    const stored = width === tileWidth ? await store.tile(level, index) : null;
    if (stored !== null) return stored;
    const start = index * tileWidth;
    const parts =
      level === 0
        ? await leafHashes(store, index, width)
        : await store.tileRoots(level - 1, start, start + width);
    const hashes = Buffer.concat(parts);
    if (hashes.length !== width * hashBytes)
      throw auditError('ERR_AUDIT_CORRUPT', `tile ${level}/${index} of the log lacks hashes`);
    return hashes;
  };
}

/** Hashes of entries that were pruned stand in the full tile only. */
async function leafHashes(store: HashStore, index: number, width: number): Promise<readonly Buffer[]> {
  const start = index * tileWidth;
  const hashes = await store.leafHashes(start, start + width);
  if (hashes.length === width) return hashes;
  const full = await store.tile(0, index);
  return full === null ? hashes : [full.subarray(0, width * hashBytes)];
}

function tenantHashes(queries: Queries, tenantId: TenantId): HashStore {
  return {
    tile: async (level, index) =>
      (await queries.query<{ hashes: Buffer }>(selectTile, [tenantId, level, index])).rows[0]?.hashes ?? null,
    leafHashes: async (start, end) =>
      (await queries.query<{ hash: Buffer }>(selectLeafHashes, [tenantId, start, end])).rows.map(
        ({ hash }) => hash,
      ),
    tileRoots: async (level, start, end) =>
      (await queries.query<{ hash: Buffer }>(selectTileRoots, [tenantId, level, start, end])).rows.map(
        ({ hash }) => hash,
      ),
  };
}

/** Reads a bundle of the first `width` entries of a tile. @throws ERR_AUDIT_CORRUPT when entries are missing */
export async function readBundle(
  queries: Queries,
  tenantId: TenantId,
  index: number,
  width: number,
): Promise<Buffer> {
  const start = index * tileWidth;
  const { rows } = await queries.query<{ body: Buffer }>(selectBodies, [tenantId, start, start + width]);
  return formatBundle(rows, index, width);
}

/** The bundle of these entries. @throws ERR_AUDIT_CORRUPT when some are missing */
export function formatBundle(
  rows: readonly { readonly body: Buffer }[],
  index: number,
  width: number,
): Buffer {
  if (rows.length !== width)
    throw auditError('ERR_AUDIT_CORRUPT', `bundle ${index} of the log lacks entries`);
  return formatEntryBundle(rows.map(({ body }) => body));
}
