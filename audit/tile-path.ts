import { auditError } from './errors.ts';
import { tileWidth } from './tree-writer.ts';

/** A tile of hashes, or a bundle of entries, as its path names it. */
export type TilePath = {
  readonly kind: 'tile' | 'entries';
  /** 0..63; 0 for entries. */
  readonly level: number;
  readonly index: number;
  /** 1..256; 256 is a full tile. */
  readonly width: number;
};

/**
 * The index as groups of three digits, all but the last prefixed `x`.
 *
 * @see https://c2sp.org/tlog-tiles#merkle-tree
 */
export function formatTileIndex(index: number): string {
  const digits = index.toString();
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0');
  const groups = padded.match(/\d{3}/g) ?? [];
  return groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join('/');
}

/** The path below `/tile/`, e.g. `0/x001/234.p/17` or `entries/000`. */
export function formatTilePath(path: TilePath): string {
  const prefix = path.kind === 'entries' ? 'entries' : path.level.toString();
  const suffix = path.width === tileWidth ? '' : `.p/${path.width}`;
  return `${prefix}/${formatTileIndex(path.index)}${suffix}`;
}

const shape = /^(?:(entries)|(0|[1-9]\d?))\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/**
 * Reads the path below `/tile/`.
 *
 * @throws ERR_AUDIT_INVALID_PATH for anything that is not the one way to write a path
 */
export function parseTilePath(text: string): TilePath {
  const match = shape.exec(text);
  if (match === null) throw unknownPath(text);
  const path: TilePath = {
    kind: match[1] === undefined ? 'tile' : 'entries',
    level: Number(match[2] ?? 0),
    index: Number((match[3] ?? '').replaceAll(/[x/]/g, '')),
    width: match[4] === undefined ? tileWidth : Number(match[4]),
  };
  const valid =
    path.level <= 63 &&
    Number.isSafeInteger(path.index) &&
    (match[4] === undefined || path.width < tileWidth);
  if (!valid || formatTilePath(path) !== text) throw unknownPath(text);
  return path;
}

function unknownPath(text: string): Error {
  return auditError(
    'ERR_AUDIT_INVALID_PATH',
    `"${text.slice(0, 80)}" is not the path of a tile; see c2sp.org/tlog-tiles`,
  );
}
