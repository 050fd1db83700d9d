import { sha256, concat, type Bytes } from './bytes.ts';
import { hashNode } from './merkle.ts';

const tileHeight = 8;
const tileWidth = 256;

/** Fetches what stands below `/log/{id}/tile/`. */
export type FetchTile = (path: string) => Promise<Bytes>;

/** A log of a fixed size, read tile by tile; what was read is kept. */
export type TiledLog = {
  /** @returns the bytes of the entry at an index */
  readonly entry: (index: number) => Promise<Bytes>;
  /** Siblings from a leaf up to the root, as an inclusion proof has them. */
  readonly inclusion: (index: number) => Promise<readonly Bytes[]>;
};

/** Path below `tile/`. @see https://c2sp.org/tlog-tiles */
export function tilePath(kind: number | 'entries', index: number, width: number): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? [];
  const path = groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join('/');
  return `${kind}/${path}${width === tileWidth ? '' : `.p/${width}`}`;
}

/** Entries, each with its length in 16 bits in front. @throws Error when the bundle ends inside one */
export function readBundle(bundle: Bytes): readonly Bytes[] {
  const view = new DataView(bundle.buffer, bundle.byteOffset, bundle.byteLength);
  const entries: Bytes[] = [];
  for (let at = 0; at < bundle.length;) {
    const end = at + 2 <= bundle.length ? at + 2 + view.getUint16(at) : Number.POSITIVE_INFINITY;
    if (end > bundle.length) throw new Error('a bundle of entries ends inside an entry');
    entries.push(bundle.slice(at + 2, end));
    at = end;
  }
  return entries;
}

/** @param size number of leaves of the checkpoint that everything is verified against */
export function openTiledLog(size: number, fetchTile: FetchTile): TiledLog {
  const tiles = new Map<string, Promise<Bytes>>();
  const nodes = new Map<string, Promise<Bytes>>();
  const load = (kind: number | 'entries', index: number): Promise<Bytes> => {
    const level = kind === 'entries' ? 0 : kind;
    const wide = Math.floor(size / tileWidth ** level) - index * tileWidth;
    const path = tilePath(kind, index, Math.min(tileWidth, wide));
    const known = tiles.get(path) ?? fetchTile(path);
    tiles.set(path, known);
    return known;
  };
  /** The hash of the complete subtree of 2^level leaves that begins at leaf index * 2^level. */
  const node = (level: number, index: number): Promise<Bytes> => {
    const name = `${level}/${index}`;
    const known = nodes.get(name) ?? computeNode(level, index);
    nodes.set(name, known);
    return known;
  };
  const computeNode = async (level: number, index: number): Promise<Bytes> => {
    if (level % tileHeight !== 0)
      return hashNode(await node(level - 1, index * 2), await node(level - 1, index * 2 + 1));
    const tile = await load(level / tileHeight, Math.floor(index / tileWidth));
    const at = (index % tileWidth) * 32;
    const hash = tile.slice(at, at + 32);
    if (hash.length !== 32) throw new Error('a tile has fewer hashes than the checkpoint says');
    return hash;
  };
  /** The hash over leaves start to end, which begins where a complete subtree may begin. */
  const range = async (start: number, end: number): Promise<Bytes> => {
    const length = end - start;
    const level = Math.floor(Math.log2(length));
    const half = 2 ** level;
    if (half === length) return node(level, start / half);
    return hashNode(await range(start, start + half), await range(start + half, end));
  };
  const inclusion = async (index: number): Promise<readonly Bytes[]> => {
    if (!Number.isSafeInteger(index) || index < 0 || index >= size)
      throw new Error(`the log has no leaf ${index}`);
    const path: Promise<Bytes>[] = [];
    let [start, end] = [0, size];
    while (end - start > 1) {
      const half = 2 ** (Math.ceil(Math.log2(end - start)) - 1);
      const middle = start + half;
      path.unshift(index < middle ? range(middle, end) : range(start, middle));
      [start, end] = index < middle ? [start, middle] : [middle, end];
    }
    return Promise.all(path);
  };
  const entry = async (index: number): Promise<Bytes> => {
    const bundle = readBundle(await load('entries', Math.floor(index / tileWidth)));
    const found = bundle[index % tileWidth];
    if (found === undefined) throw new Error(`the log has no entry ${index}`);
    return found;
  };
  return { entry, inclusion };
}

/** How a log is named in the platform log: the hash of its origin. */
export const logTag = (origin: string): Promise<Bytes> => sha256(concat(new TextEncoder().encode(origin)));
