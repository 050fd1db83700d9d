import { emptyRoot, nodeHash } from './hash.ts';

/** Hashes in a full tile. */
export const tileWidth = 256;
const tileHeight = 8;

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
  const stack: Buffer[] = [...edge.frontier];
  const tiles: Buffer[][] = edge.partialTiles.map((tile) => [...tile]);
  let size = edge.size;

  const push = (level: number, hash: Buffer): void => {
    (tiles[level] ??= []).push(hash);
  };
  const takeFull = (level: number, root: Buffer, index: number): FullTile => {
    const hashes = Buffer.concat(tiles[level] ?? []);
    tiles[level] = [];
    return { level, index, hashes, root };
  };
  const append = (leaf: Buffer, onFullTile: (tile: FullTile) => void): void => {
    push(0, leaf);
    let node = leaf;
    let height = 0;
    for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2) {
      const left = stack.pop();
      if (left === undefined) throw new RangeError('the frontier is shorter than the size says');
      node = nodeHash(left, node);
      height += 1;
      if (height % tileHeight === 0) {
        const level = height / tileHeight;
        onFullTile(takeFull(level - 1, node, (rest + 1) / 2 - 1));
        push(level, node);
      }
    }
    stack.push(node);
    size += 1;
  };
  return Object.freeze({
    size: () => size,
    frontier: () => [...stack],
    root: () => foldFrontier(stack),
    append,
  });
}

/** The root of the tree whose perfect subtrees have these roots. */
export function foldFrontier(frontier: readonly Buffer[]): Buffer {
  const last = frontier.at(-1);
  if (last === undefined) return emptyRoot;
  let root = last;
  for (let at = frontier.length - 2; at >= 0; at -= 1) root = nodeHash(frontier[at] ?? emptyRoot, root);
  return root;
}
