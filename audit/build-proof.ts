import { nodeHash, splitHashes } from './hash.ts';
import { foldFrontier, tileWidth } from './tree-writer.ts';

const tileHeight = 8;

/** Gives the first `width` hashes (1..256) of a tile; the tree must be at least that large. */
export type ReadTile = (level: number, index: number, width: number) => Promise<Buffer>;

/** Reads a tree of `size` leaves from its tiles and proves things about it. */
export type ProofBuilder = {
  readonly root: () => Promise<Buffer>;
  /** @see https://www.rfc-editor.org/rfc/rfc6962#section-2.1.1 */
  readonly inclusion: (index: number) => Promise<readonly Buffer[]>;
  /** @see https://www.rfc-editor.org/rfc/rfc6962#section-2.1.2 */
  readonly consistency: (size1: number) => Promise<readonly Buffer[]>;
};

/**
 * @param size - leaves of the tree, at least 1 for proofs
 * @param readTile - called at most once per tile
 */
export function createProofBuilder(size: number, readTile: ReadTile): ProofBuilder {
  const tiles = new Map<string, Promise<readonly Buffer[]>>();
  const tile = (level: number, index: number): Promise<readonly Buffer[]> => {
    const key = `${level}/${index}`;
    const known = tiles.get(key);
    if (known !== undefined) return known;
    const width = Math.min(tileWidth, Math.floor(size / tileWidth ** level) - index * tileWidth);
    const fresh = readTile(level, index, width).then(splitHashes);
    tiles.set(key, fresh);
    return fresh;
  };
  const perfect = async (height: number, index: number): Promise<Buffer> => {
    const level = Math.floor(height / tileHeight);
    const count = 2 ** (height - level * tileHeight);
    const first = index * count;
    const hashes = await tile(level, Math.floor(first / tileWidth));
    const offset = first % tileWidth;
    return foldPerfect(hashes.slice(offset, offset + count));
  };
  const range = async (start: number, end: number): Promise<Buffer> => {
    const roots: Buffer[] = [];
    for (let at = start; at < end;) {
      const height = Math.floor(Math.log2(end - at));
      roots.push(await perfect(height, at / 2 ** height));
      at += 2 ** height;
    }
    return foldFrontier(roots);
  };
  const inclusion = async (index: number, start: number, end: number): Promise<readonly Buffer[]> => {
    if (end - start === 1) return [];
    const middle = start + largestPowerBelow(end - start);
    return index < middle
      ? [...(await inclusion(index, start, middle)), await range(middle, end)]
      : [...(await inclusion(index, middle, end)), await range(start, middle)];
  };
  const consistency = async (
    size1: number,
    start: number,
    end: number,
    whole: boolean,
  ): Promise<readonly Buffer[]> => {
    if (size1 === end) return whole ? [] : [await range(start, end)];
    const middle = start + largestPowerBelow(end - start);
    return size1 <= middle
      ? [...(await consistency(size1, start, middle, whole)), await range(middle, end)]
      : [...(await consistency(size1, middle, end, false)), await range(start, middle)];
  };
  return Object.freeze({
    root: () => range(0, size),
    inclusion: (index: number) => inclusion(index, 0, size),
    consistency: (size1: number) => consistency(size1, 0, size, true),
  });
}

/** The root of a perfect subtree. @param hashes - a power of two of them */
export function foldPerfect(hashes: readonly Buffer[]): Buffer {
  let row = hashes;
  while (row.length > 1) {
    const above: Buffer[] = [];
    for (let at = 0; at + 1 < row.length; at += 2)
      above.push(nodeHash(row[at] as Buffer, row[at + 1] as Buffer)); // in range
    row = above;
  }
  const [root] = row;
  if (root === undefined) throw new RangeError('a perfect subtree has at least one hash');
  return root;
}

function largestPowerBelow(count: number): number {
  return 2 ** (Math.ceil(Math.log2(count)) - 1);
}
