import { openCheckpoint, type Checkpoint } from './checkpoint.ts';
import { leafHash, splitHashes } from './hash.ts';
import { isGatehouseError } from '../kernel/index.ts';
import type { NoteVerifier } from './signed-note.ts';
import { createTreeWriter, tileWidth, type FullTile } from './tree-writer.ts';

/** Something that does not hold; `seq` is the first sequence number it concerns, when it concerns one. */
export type Finding = {
  readonly kind:
    | 'gap'
    | 'entry'
    | 'column'
    | 'subject'
    | 'tile'
    | 'checkpoint'
    | 'head'
    | 'commitment'
    | 'platform'
    | 'pruned';
  readonly seq: number | null;
  readonly message: string;
};

/** What a verification came to. */
export type VerifyReport = {
  readonly origin: string;
  readonly size: number;
  readonly root: string;
  readonly checkpoints: number;
  readonly tiles: number;
  /** Entries that were pruned: their hashes are in the tree, their bytes are gone. */
  readonly pruned: number;
  readonly commitments: { readonly open: number; readonly erased: number };
  readonly findings: readonly Finding[];
  /** The smallest sequence number of all findings. */
  readonly firstBadSeq: number | null;
};

/** One entry as a source gives it. */
export type SourceEntry = {
  readonly seq: number;
  /** Null: pruned; then the hash comes from a tile, and the tree says whether it is right. */
  readonly body: Buffer | null;
  /** The leaf hash as stored beside the body, when the source stores one. */
  readonly leafHash?: Buffer;
  /** Other things the source noticed about this entry. */
  readonly findings?: readonly Finding[];
};

/** A full tile as a source keeps it. */
export type StoredTile = { readonly hashes: Buffer; readonly root?: Buffer };

/** Where a log is read from: the database, HTTP, a file. Everything streams. */
export type VerifySource = {
  /** Keys of the log, all of one name; what one of them signed wrongly does not hold. */
  readonly verifiers: readonly NoteVerifier[];
  /** The checkpoint to reach. */
  readonly head: string;
  readonly entries: () => AsyncIterable<SourceEntry>;
  /** The stored full tile, or null when the source lacks it; undefined when it keeps none of that kind. */
  readonly tile: (level: number, index: number) => Promise<StoredTile | null | undefined>;
  /** Checkpoints kept, by rising size. */
  readonly checkpoints: () => AsyncIterable<{
    readonly size: number;
    readonly root?: Buffer;
    readonly note: string;
  }>;
};

const maxFindings = 100;

/**
 * Rebuilds the tree from the stored bytes and compares everything with it. Memory does not grow with the log.
 *
 * @param commitments - counts that the source gathered while its entries were read
 */
export async function verifyLog(
  source: VerifySource,
  commitments = { open: 0, erased: 0 },
): Promise<VerifyReport> {
  const findings: Finding[] = [];
  const note = (finding: Finding): void => void (findings.length < maxFindings && findings.push(finding));
  const tree = createTreeWriter();
  const head = openHead(source, note);
  const checkpoints = createCheckpointWalk(source, note);
  const fullTiles: FullTile[] = [];
  let tiles = 0;
  let pruned = 0;
  await checkpoints.reach(0, tree.root());
  for await (const entry of source.entries()) {
    if (entry.seq !== tree.size()) {
      note({
        kind: 'gap',
        seq: tree.size(),
        message: `entry ${tree.size()} is missing; ${entry.seq} follows`,
      });
      break;
    }
    const hash = hashOf(entry);
    if (entry.body === null) pruned += 1;
    if (entry.leafHash !== undefined && !entry.leafHash.equals(hash)) {
      note({
        kind: 'entry',
        seq: entry.seq,
        message: `entry ${entry.seq} does not have the stored leaf hash`,
      });
    }
    for (const finding of entry.findings ?? []) note(finding);
    tree.append(hash, (tile) => fullTiles.push(tile));
    for (const tile of fullTiles.splice(0)) tiles += await compareTile(source, tile, note);
    if (checkpoints.next() === tree.size()) await checkpoints.reach(tree.size(), tree.root());
  }
  await checkpoints.finish(tree.size());
  const root = tree.root();
  if (head !== null && (head.size !== tree.size() || !head.root.equals(root))) {
    const seq = head.size === tree.size() ? null : Math.min(head.size, tree.size());
    note({
      kind: 'head',
      seq,
      message: `the checkpoint says ${head.size} entries and another root than the ${tree.size()} that are there`,
    });
  }
  const numbers = findings.flatMap(({ seq }) => (seq === null ? [] : [seq]));
  return {
    origin: source.verifiers[0]?.name ?? '',
    size: tree.size(),
    root: root.toString('base64'),
    checkpoints: checkpoints.count(),
    tiles,
    pruned,
    commitments,
    findings,
    firstBadSeq: numbers.length === 0 ? null : Math.min(...numbers),
  };
}

function hashOf({ seq, body, leafHash: stored }: SourceEntry): Buffer {
  if (body !== null) return leafHash(body);
  if (stored === undefined) throw new TypeError(`the source gave neither bytes nor hash of entry ${seq}`);
  return stored;
}

type Note = (finding: Finding) => void;

function openHead(source: VerifySource, note: Note): Checkpoint | null {
  return open(source.head, source.verifiers, (message) =>
    note({ kind: 'head', seq: null, message: `the current checkpoint is refused: ${message}` }),
  );
}

function open(
  text: string,
  verifiers: readonly NoteVerifier[],
  refuse: (message: string) => void,
): Checkpoint | null {
  try {
    return openCheckpoint(text, verifiers);
  } catch (error) {
    if (!isGatehouseError(error)) throw error;
    refuse(error.message);
    return null;
  }
}

/** Names the entry whose hash differs, where the tile holds leaf hashes. */
async function compareTile(source: VerifySource, tile: FullTile, note: Note): Promise<number> {
  const stored = await source.tile(tile.level, tile.index);
  if (stored === undefined) return 0;
  const first = tile.index * tileWidth ** (tile.level + 1);
  if (stored === null) {
    note({ kind: 'tile', seq: first, message: `tile ${tile.level}/${tile.index} is missing` });
    return 0;
  }
  if (stored.hashes.equals(tile.hashes)) {
    if (stored.root !== undefined && !stored.root.equals(tile.root))
      note({
        kind: 'tile',
        seq: first,
        message: `tile ${tile.level}/${tile.index} has another root than its hashes`,
      });
    return 1;
  }
  const expected = splitHashes(tile.hashes);
  const bad = splitHashes(stored.hashes).findIndex(
    (hash, at) => !hash.equals(expected[at] ?? Buffer.alloc(0)),
  );
  const seq = first + Math.max(0, bad) * tileWidth ** tile.level;
  note({
    kind: 'tile',
    seq,
    message: `tile ${tile.level}/${tile.index} differs from the entries at hash ${Math.max(0, bad)}, entry ${seq}`,
  });
  return 1;
}

/** Follows the kept checkpoints while the tree grows past their sizes. */
function createCheckpointWalk(source: VerifySource, note: Note) {
  const iterator = source.checkpoints()[Symbol.asyncIterator]();
  let current: { readonly size: number; readonly root?: Buffer; readonly note: string } | null = null;
  let started = false;
  let count = 0;
  const advance = async (): Promise<void> => {
    const step = await iterator.next();
    current = step.done === true ? null : step.value;
  };
  const reach = async (size: number, root: Buffer): Promise<void> => {
    if (!started) await advance();
    started = true;
    while (current !== null && current.size <= size) {
      const seq = Math.max(0, current.size - 1);
      const complain = (message: string): void =>
        note({ kind: 'checkpoint', seq, message: `the checkpoint of size ${size} ${message}` });
      const opened = open(current.note, source.verifiers, (why) => complain(`is refused: ${why}`));
      const columnsAgree =
        opened === null ||
        (opened.size === current.size && (current.root ?? opened.root).equals(opened.root));
      if (!columnsAgree) complain('says something else than its columns');
      else if (opened !== null && (opened.size !== size || !opened.root.equals(root)))
        complain('has another root than the entries');
      count += 1;
      await advance();
    }
  };
  return {
    next: () => current?.size ?? null,
    reach,
    count: () => count,
    finish: async (size: number): Promise<void> => {
      if (current !== null)
        note({
          kind: 'checkpoint',
          seq: size,
          message: `a checkpoint of size ${current.size} was signed, but only ${size} entries are there`,
        });
      await iterator.return?.();
    },
  };
}

/** A report with findings that somebody made beside it. */
export function addFindings(report: VerifyReport, more: readonly Finding[]): VerifyReport {
  const findings = [...report.findings, ...more];
  const numbers = findings.flatMap(({ seq }) => (seq === null ? [] : [seq]));
  return { ...report, findings, firstBadSeq: numbers.length === 0 ? null : Math.min(...numbers) };
}
