import type { Queries } from '../db/index.ts';
import type { TenantId } from '../kernel/index.ts';
import type { ReadTile } from './build-proof.ts';
import { formatEntryBundle } from './entry-bundle.ts';
import { auditError } from './errors.ts';
import { hashBytes } from './hash.ts';
import { selectBodies, selectLeafHashes, selectTile, selectTileRoots } from './store-read.ts';
import { tileWidth } from './tree-writer.ts';

/**
 * Reads tiles of one log: full ones as stored, partial ones made from leaf hashes or from the roots of the level below.
 *
 * @throws ERR_AUDIT_CORRUPT when hashes are missing
 */
export function createTileReader(queries: Queries, tenantId: TenantId): ReadTile {
  return async (level, index, width) => {
    if (width === tileWidth) {
      const { rows } = await queries.query<{ hashes: Buffer }>(selectTile, [tenantId, level, index]);
      if (rows[0] !== undefined) return rows[0].hashes;
    }
    const start = index * tileWidth;
    const { rows } =
      level === 0
        ? await queries.query<{ hash: Buffer }>(selectLeafHashes, [tenantId, start, start + width])
        : await queries.query<{ hash: Buffer }>(selectTileRoots, [tenantId, level - 1, start, start + width]);
    const hashes = Buffer.concat(rows.map(({ hash }) => hash));
    if (hashes.length !== width * hashBytes)
      throw auditError('ERR_AUDIT_CORRUPT', `tile ${level}/${index} of the log lacks hashes`);
    return hashes;
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
  if (rows.length !== width)
    throw auditError('ERR_AUDIT_CORRUPT', `bundle ${index} of the log lacks entries`);
  return formatEntryBundle(rows.map(({ body }) => body));
}
