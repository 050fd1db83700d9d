import { platformTenantId, type Clock, type Logger } from '../../kernel/index.ts';
import { exactlyOne, type Database, type Queries, type SequencerTx } from '../../db/index.ts';
import { createProofBuilder } from '../build-proof.ts';
import { parseCheckpoint } from '../checkpoint-text.ts';
import { signCheckpoint } from '../checkpoint.ts';
import type { AuditCrypto } from '../crypto-need.ts';
import { auditError } from '../errors.ts';
import { emptyRoot, leafHash, splitHashes } from '../hash.ts';
import type { CheckpointRow } from '../log-reader.ts';
import { readPartialTiles } from '../log-state.ts';
import { formatVerifierKey, noteKeyId, rawPublicKey } from '../note-keys.ts';
import { parseNote, type NoteSigner } from '../signed-note.ts';
import { formatBundle, readTilesOf, type HashStore } from '../tile-reader.ts';
import type { TilePath } from '../tile-path.ts';
import { createTreeWriter, foldFrontier, tileWidth, type FullTile } from '../tree-writer.ts';
import type { WriteGuard } from '../write-guard.ts';
import { platformLeaf, type PlatformLeaf } from './platform-leaf.ts';
import {
  advancePlatform,
  createPlatformLogRow,
  lockPlatformHead,
  selectChangedHeads,
  selectPlatformBodies,
  selectPlatformCheckpointOf,
  selectPlatformEntryCovering,
  selectPlatformHead,
  selectPlatformLeafHashes,
  selectPlatformLog,
  selectPlatformTile,
  selectPlatformTileRoots,
} from './store-platform.ts';

/** Public facts of the platform log. */
export type PlatformLogInfo = { readonly origin: string; readonly vkey: string };

/** A leaf of the platform log that holds a tenant's log at a size beyond an event. */
export type PlatformPlace = { readonly seq: number; readonly logSize: number; readonly body: Buffer };

/** The log whose leaves are the checkpoints of the tenants' logs. */
export type PlatformLog = {
  /** Made when it is not there. */
  readonly info: () => Promise<PlatformLogInfo>;
  /**
   * Takes up every tenant's checkpoint that changed, at most 1,000 at a time, and signs. One process at a time does it.
   *
   * @returns how many leaves were added
   */
  readonly advance: () => Promise<number>;
  readonly head: () => Promise<CheckpointRow>;
  /** The note of the checkpoint of a size; null when none was released. */
  readonly noteOf: (size: number) => Promise<string | null>;
  /** @throws ERR_AUDIT_INVALID_PATH when the log is not that large */
  readonly tile: (path: TilePath) => Promise<Buffer>;
  /** Hashes that lead from the tree of one size to that of another. */
  readonly consistency: (from: number, to: number) => Promise<readonly Buffer[]>;
  readonly inclusion: (queries: Queries, seq: number, size: number) => Promise<readonly Buffer[]>;
  /** The first leaf that holds a log with an event; null while the event waits for the next round. */
  readonly placeOf: (queries: Queries, tag: Buffer, seq: number) => Promise<PlatformPlace | null>;
};

/** What it is made of. */
export type PlatformLogDeps = {
  readonly database: Database;
  readonly crypto: AuditCrypto;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly originPrefix: string;
  readonly guard: WriteGuard;
};

type HeadRow = CheckpointRow & { readonly frontier: Buffer };
type ChangedHead = {
  readonly origin: string;
  readonly size: number;
  readonly note: string;
  readonly seenSize: number;
};

/** The last part of its origin and of its address. */
export const platformLogName = 'platform';
const signingKeyName = 'platform-log';
const leavesAtOnce = 1_000;

/** @see docs/design/0010-platform-log.md */
export function createPlatformLog(deps: PlatformLogDeps): PlatformLog {
  const { database, guard } = deps;
  let known: { readonly info: PlatformLogInfo; readonly signer: NoteSigner } | null = null;
  const open = async () => (known ??= await openLog(deps));
  const reading = <T>(work: (queries: Queries) => Promise<T>): Promise<T> =>
    database.withSystem(work, { readOnly: true });
  const proofs = (queries: Queries, size: number) =>
    createProofBuilder(size, readTilesOf(platformHashes(queries)));
  return Object.freeze({
    info: async () => (await open()).info,
    advance: async () => {
      const { info, signer } = await open();
      guard.require();
      return database.withSequencer((tx) => advanceInside(deps, tx, info, signer));
    },
    head: async () => {
      await open();
      return reading(async (queries) =>
        exactlyOne(await queries.query<CheckpointRow>(selectPlatformHead), 'head of the platform log'),
      );
    },
    noteOf: (size: number) =>
      reading(
        async (queries) =>
          (await queries.query<CheckpointRow>(selectPlatformCheckpointOf, [size])).rows[0]?.note ?? null,
      ),
    tile: async (path: TilePath) => {
      await open();
      return reading((queries) => readTile(queries, path));
    },
    consistency: (from: number, to: number) => reading((queries) => proofs(queries, to).consistency(from)),
    inclusion: (queries: Queries, seq: number, size: number) => proofs(queries, size).inclusion(seq),
    placeOf: async (queries: Queries, tag: Buffer, seq: number) =>
      (await queries.query<PlatformPlace>(selectPlatformEntryCovering, [tag, seq])).rows[0] ?? null,
  });
}

async function openLog({ database, crypto, clock, originPrefix }: PlatformLogDeps) {
  await crypto.warm(platformTenantId);
  const key = await database.withTenant(platformTenantId, (tx) => crypto.signingKey(tx, signingKeyName));
  const origin = `${originPrefix}/${platformLogName}`;
  const signerOf = (name: string): NoteSigner => ({
    name,
    keyId: noteKeyId(name, rawPublicKey(key.publicKey)),
    sign: key.sign,
  });
  const note = signCheckpoint({ origin, size: 0, root: emptyRoot }, signerOf(origin));
  const vkey = formatVerifierKey(origin, key.publicKey);
  const info = await database.withSequencer(async (tx) => {
    await tx.query(createPlatformLogRow, [origin, vkey, emptyRoot, note, clock.now()]);
    return exactlyOne(await tx.query<PlatformLogInfo>(selectPlatformLog), 'platform log');
  });
  if (formatVerifierKey(info.origin, key.publicKey) !== info.vkey)
    throw auditError(
      'ERR_AUDIT_CORRUPT',
      'the key of the platform log is not the one its verifier key names',
    );
  return { info, signer: signerOf(info.origin) }; // an origin is fixed when the log is made
}

async function advanceInside(
  { clock, logger }: PlatformLogDeps,
  tx: SequencerTx,
  { origin }: PlatformLogInfo,
  signer: NoteSigner,
): Promise<number> {
  const head = exactlyOne(await tx.query<HeadRow>(lockPlatformHead), 'head of the platform log');
  requireSound(head);
  const { rows } = await tx.query<ChangedHead>(selectChangedHeads, [leavesAtOnce]);
  for (const { seenSize, size } of rows)
    if (size < seenSize) logger.error('a log is smaller than the platform log saw it', { size, seenSize });
  const leaves = rows
    .filter((row) => row.size > row.seenSize && parseCheckpoint(parseNote(row.note).text).size === row.size)
    .map(({ note }) => platformLeaf(note));
  if (leaves.length === 0) return 0;
  const hashes = platformHashes(tx);
  const tree = createTreeWriter({
    size: head.size,
    frontier: splitHashes(head.frontier),
    partialTiles: await readPartialTiles(head.size, (level, start, end) =>
      level === 0 ? hashes.leafHashes(start, end) : hashes.tileRoots(level - 1, start, end),
    ),
  });
  const tiles: FullTile[] = [];
  const leafHashes = leaves.map(({ body }) => leafHash(body));
  for (const hash of leafHashes) tree.append(hash, (tile) => tiles.push(tile));
  const [size, root] = [tree.size(), tree.root()];
  const note = signCheckpoint({ origin, size, root }, signer);
  await tx.query(advancePlatform, [
    head.size,
    size,
    root,
    Buffer.concat(tree.frontier()),
    note,
    clock.now(),
    ...leafColumns(head.size, leaves, leafHashes),
    ...tileColumns(tiles),
  ]);
  return leaves.length;
}

/** What was signed last must be what the next tree grows from. */
function requireSound({ size, root, frontier, note }: HeadRow): void {
  const signed = parseCheckpoint(parseNote(note).text);
  if (signed.size === size && signed.root.equals(root) && foldFrontier(splitHashes(frontier)).equals(root))
    return;
  throw auditError(
    'ERR_AUDIT_CORRUPT',
    'the head of the platform log contradicts itself; run "gatehouse audit verify --db"',
  );
}

function leafColumns(
  from: number,
  leaves: readonly PlatformLeaf[],
  hashes: readonly Buffer[],
): readonly unknown[] {
  return [
    leaves.map((_leaf, at) => from + at),
    leaves.map(({ tag }) => tag),
    leaves.map(({ size }) => size),
    hashes,
    leaves.map(({ body }) => body),
  ];
}

function tileColumns(tiles: readonly FullTile[]): readonly unknown[] {
  return [
    tiles.map(({ level }) => level),
    tiles.map(({ index }) => index),
    tiles.map(({ hashes }) => hashes),
    tiles.map(({ root }) => root),
  ];
}

/** The hashes of the platform log. */
export function platformHashes(queries: Queries): HashStore {
  const hashesOf = async (statement: typeof selectPlatformTile, values: readonly unknown[]) =>
    (await queries.query<{ hash: Buffer }>(statement, values)).rows.map(({ hash }) => hash);
  return {
    tile: async (level, index) =>
      (await queries.query<{ hashes: Buffer }>(selectPlatformTile, [level, index])).rows[0]?.hashes ?? null,
    leafHashes: (start, end) => hashesOf(selectPlatformLeafHashes, [start, end]),
    tileRoots: (level, start, end) => hashesOf(selectPlatformTileRoots, [level, start, end]),
  };
}

async function readTile(queries: Queries, path: TilePath): Promise<Buffer> {
  const { size } = exactlyOne(await queries.query<HeadRow>(selectPlatformHead), 'head of the platform log');
  const available = Math.floor(size / tileWidth ** path.level) - path.index * tileWidth;
  if (path.width > available) throw auditError('ERR_AUDIT_INVALID_PATH', 'the log is not that large yet');
  if (path.kind === 'tile') return readTilesOf(platformHashes(queries))(path.level, path.index, path.width);
  const start = path.index * tileWidth;
  const { rows } = await queries.query<{ body: Buffer }>(selectPlatformBodies, [start, start + path.width]);
  return formatBundle(rows, path.index, path.width);
}
