import { emptyRoot, foldPair, hashBytes, nodeHash, splitHashes } from './hash.ts';

/** Hashes in a full tile. */
export const tileWidth = 256;
const tileHeight = 8;
/** Sizes have at most 53 bits, and one leaf more stands there while it is folded. */
const mostSubtrees = 54;

/** A tile that became full and is stored; `root` is the hash of its subtree. */
export type FullTile = {
  readonly level: number;
  readonly index: number;
  readonly hashes: Buffer;
  readonly root: Buffer;
};

/** Where a tree stands: enough to go on appending. */
export type TreeEdge = {
  readonly size: number;
  /** Roots of the perfect subtrees from left to right, one per one-bit of `size`. */
  readonly frontier: readonly Buffer[];
  /** Hashes of the rightmost unfinished tile of each level. */
  readonly partialTiles: readonly (readonly Buffer[])[];
};

/** An RFC 6962 tree that only grows, with the tiles it fills. */
export type TreeWriter = {
  readonly size: () => number;
  readonly frontier: () => readonly Buffer[];
  readonly root: () => Buffer;
  /** Appends one leaf hash; calls back for each tile that became full. */
  readonly append: (leaf: Buffer, onFullTile: (tile: FullTile) => void) => void;
};

/** The edge of an empty tree. */
export const emptyEdge: TreeEdge = Object.freeze({ size: 0, frontier: [], partialTiles: [] });

/**
 * A writer that goes on from an edge.
 *
 * @see https://c2sp.org/tlog-tiles for how the tree is cut into tiles
 */
export function createTreeWriter(edge: TreeEdge = emptyEdge): TreeWriter {
  const stack = Buffer.alloc(mostSubtrees * hashBytes);
  let top = 0;
  for (const root of edge.frontier) top += root.copy(stack, top);
  const tiles = edge.partialTiles.map(createTile);
  let size = edge.size;

  const push = (level: number, bytes: Buffer, at: number): void => {
    const tile = (tiles[level] ??= createTile([]));
    tile.filled += bytes.copy(tile.bytes, tile.filled, at, at + hashBytes);
  };
  const takeFull = (level: number, at: number, index: number): FullTile => {
    const hashes = tiles[level]?.bytes ?? Buffer.alloc(0);
    tiles[level] = createTile([]);
    return { level, index, hashes, root: Buffer.from(stack.subarray(at, at + hashBytes)) };
  };
  const append = (leaf: Buffer, onFullTile: (tile: FullTile) => void): void => {
    push(0, leaf, 0);
    leaf.copy(stack, top, 0, hashBytes);
    let height = 0;
    for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2) {
      top -= hashBytes;
      if (top < 0) throw new RangeError('the frontier is shorter than the size says');
      foldPair(stack, top);
      height += 1;
      if (height % tileHeight === 0) {
        const level = height / tileHeight;
        onFullTile(takeFull(level - 1, top, (rest + 1) / 2 - 1));
        push(level, stack, top);
      }
    }
    top += hashBytes;
    size += 1;
  };
  const frontier = (): readonly Buffer[] => splitHashes(Buffer.from(stack.subarray(0, top)));
  return Object.freeze({ size: () => size, frontier, root: () => foldFrontier(frontier()), append });
}

/** Hashes of an unfinished tile, in memory of its own: a log that rests keeps no more than this. */
type Tile = { readonly bytes: Buffer; filled: number };

function createTile(hashes: readonly Buffer[]): Tile {
  const tile = { bytes: Buffer.alloc(tileWidth * hashBytes), filled: 0 };
  for (const hash of hashes) tile.filled += hash.copy(tile.bytes, tile.filled);
  return tile;
}

/** The root of the tree whose perfect subtrees have these roots. */
export function foldFrontier(frontier: readonly Buffer[]): Buffer {
  const last = frontier.at(-1);
  if (last === undefined) return emptyRoot;
  let root = last;
  for (let at = frontier.length - 2; at >= 0; at -= 1) root = nodeHash(frontier[at] ?? emptyRoot, root);
  return root;
}
