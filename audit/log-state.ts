import type { TenantId } from '../kernel/index.ts';
import { exactlyOne, type Database, type SequencerTx, type Statement } from '../db/index.ts';
import { auditError } from './errors.ts';
import { splitHashes } from './hash.ts';
import type { LogDirectory, LogInfo } from './log-directory.ts';
import type { NoteSigner } from './signed-note.ts';
import { selectHead, selectLeafHashesFrom, selectTileRootsFrom } from './store-sequencer.ts';
import { createTreeWriter, foldFrontier, tileWidth, type TreeWriter } from './tree-writer.ts';

/** A log as the writer holds it in memory: one step ahead of the database while a batch commits. */
export type LogState = {
  readonly log: LogInfo;
  readonly signer: NoteSigner;
  readonly epoch: number;
  readonly tree: TreeWriter;
};

/** The last checkpoint that left this process. */
export type Released = { readonly size: number; readonly root: Buffer };

type HeadRow = {
  readonly size: number;
  readonly epoch: number;
  readonly root: Buffer;
  readonly frontier: Buffer;
  readonly keptSize: number | null;
  readonly keptRoot: Buffer | null;
};

/**
 * Reads where a log stands.
 *
 * @param released - what this process signed last; a head behind it means that the database was rolled back
 * @throws ERR_AUDIT_ROLLED_BACK, ERR_AUDIT_CORRUPT
 */
export async function loadLogState(
  database: Database,
  directory: LogDirectory,
  tenantId: TenantId,
  released: Released | undefined,
): Promise<LogState> {
  const log = await directory.ensure(tenantId);
  const signer = await directory.signer(log);
  return database.withSequencer(async (tx) => {
    const head = exactlyOne(await tx.query<HeadRow>(selectHead, [tenantId]), `head of log ${log.logId}`);
    refuseRollback(log, head, released);
    const frontier = splitHashes(head.frontier);
    if (!foldFrontier(frontier).equals(head.root)) {
      throw auditError(
        'ERR_AUDIT_CORRUPT',
        `the head of log ${log.logId} contradicts itself; run "gatehouse audit verify --db"`,
      );
    }
    const partialTiles = await readPartialTiles(head.size, (level, start, end) =>
      level === 0
        ? readHashes(tx, selectLeafHashesFrom, [tenantId, start, end])
        : readHashes(tx, selectTileRootsFrom, [tenantId, level - 1, start, end]),
    );
    return {
      log,
      signer,
      epoch: head.epoch,
      tree: createTreeWriter({ size: head.size, frontier, partialTiles }),
    };
  });
}

function refuseRollback(log: LogInfo, head: HeadRow, released: Released | undefined): void {
  const kept =
    head.keptSize === null || head.keptRoot === null ? [] : [{ size: head.keptSize, root: head.keptRoot }];
  for (const earlier of [...kept, ...(released === undefined ? [] : [released])]) {
    if (head.size < earlier.size || (head.size === earlier.size && !head.root.equals(earlier.root))) {
      throw auditError(
        'ERR_AUDIT_ROLLED_BACK',
        `log ${log.logId} stands at ${head.size} but a checkpoint of ${earlier.size} was signed; the database was rolled back, nothing more is signed`,
      );
    }
  }
}

/**
 * Hashes of the unfinished tiles, from level 0 up.
 *
 * @param read - hashes of a level from `start` to `end`: leaves, or roots of full tiles of the level below
 * @throws ERR_AUDIT_CORRUPT when some are missing
 */
export async function readPartialTiles(
  size: number,
  read: (level: number, start: number, end: number) => Promise<readonly Buffer[]>,
): Promise<(readonly Buffer[])[]> {
  const tiles: (readonly Buffer[])[] = [];
  for (let level = 0, count = size; count > 0; level += 1, count = Math.floor(count / tileWidth)) {
    const start = count - (count % tileWidth);
    const hashes = await read(level, start, count);
    if (hashes.length !== count - start) {
      throw auditError(
        'ERR_AUDIT_CORRUPT',
        `the log has ${hashes.length} hashes where its head says ${count - start}; run "gatehouse audit verify --db"`,
      );
    }
    tiles.push(hashes);
  }
  return tiles;
}

async function readHashes(
  tx: SequencerTx,
  statement: Statement,
  values: readonly unknown[],
): Promise<readonly Buffer[]> {
  return (await tx.query<{ hash: Buffer }>(statement, values)).rows.map(({ hash }) => hash);
}
