import { invalidRequest, notFound, type TenantId } from '../kernel/index.ts';
import { exactlyOne, type Database, type Tx } from '../db/index.ts';
import { createProofBuilder } from './build-proof.ts';
import { auditError } from './errors.ts';
import { hashBytes } from './hash.ts';
import { readPrunedEntry, readMinimumIndex } from './keeping/retention.ts';
import type { LogDirectory, LogInfo } from './log-directory.ts';
import { selectCheckpoint, selectCheckpointOf, selectEntry } from './store-read.ts';
import { createTileReader, readBundle } from './tile-reader.ts';
import type { TilePath } from './tile-path.ts';
import { tileWidth } from './tree-writer.ts';

/** A signed checkpoint with its parts. */
export type CheckpointRow = {
  readonly size: number;
  readonly root: Buffer;
  readonly note: string;
  readonly signedAt: Date;
};

/** Where a leaf stands, with everything needed to check it. */
export type InclusionAnswer = {
  readonly index: number;
  readonly treeSize: number;
  readonly leafHash: Buffer;
  /** Empty when the entry was pruned; no entry is empty otherwise. */
  readonly entry: Buffer;
  readonly hashes: readonly Buffer[];
  readonly checkpoint: string;
};

/** Reading the tree. */
export type LogReader = {
  /** The newest signed checkpoint. */
  readonly head: (tx: Tx) => Promise<CheckpointRow | null>;
  /** That an event stands in the log. @param size - an earlier checkpoint's size @throws ERR_NOT_FOUND */
  readonly proof: (tx: Tx, seq: number, size?: number) => Promise<InclusionAnswer>;
  /** That the log of size `to` begins with that of size `from`. */
  readonly consistency: (
    tx: Tx,
    from: number,
    to?: number,
  ) => Promise<{
    readonly to: CheckpointRow;
    readonly from: CheckpointRow | null;
    readonly hashes: readonly Buffer[];
  }>;
  /** The newest checkpoint of a tenant's log as it was committed, by its public id. */
  readonly checkpoint: (logId: string) => Promise<string | null>;
  /** A tile or bundle of a log, by its public id. @throws ERR_AUDIT_INVALID_PATH when the log is not that large */
  readonly tile: (logId: string, path: TilePath) => Promise<Buffer | null>;
  readonly logById: (logId: string) => Promise<LogInfo | null>;
};

/** Reads as the tenant the log belongs to. */
export function createLogReader(database: Database, directory: LogDirectory): LogReader {
  const inLog = async <T>(
    logId: string,
    work: (tx: Tx, tenantId: TenantId) => Promise<T>,
  ): Promise<T | null> => {
    const log = /^[0-9a-f]{32}$/.test(logId) ? await directory.byId(logId) : null;
    if (log === null) return null;
    return database.withTenant(log.tenantId, (tx) => work(tx, log.tenantId), { readOnly: true });
  };
  return Object.freeze({
    head: readHead,
    proof: async (tx: Tx, seq: number, size?: number) => {
      const checkpoint = await checkpointOf(tx, size);
      const { rows } = await tx.query<{ body: Buffer; leafHash: Buffer }>(selectEntry, [tx.tenantId, seq]);
      const [row] = rows;
      if (seq >= checkpoint.size) throw notFound('event', String(seq));
      const stored = row ?? { body: Buffer.alloc(0), leafHash: await prunedLeafHash(tx, seq) };
      const hashes = await createProofBuilder(checkpoint.size, createTileReader(tx, tx.tenantId)).inclusion(
        seq,
      );
      return {
        index: seq,
        treeSize: checkpoint.size,
        leafHash: stored.leafHash,
        entry: stored.body,
        hashes,
        checkpoint: checkpoint.note,
      };
    },
    consistency: async (tx: Tx, from: number, to?: number) => {
      const newer = await checkpointOf(tx, to);
      if (from < 1 || from > newer.size) throw invalidRequest(`"from" must be between 1 and ${newer.size}`);
      const hashes = await createProofBuilder(newer.size, createTileReader(tx, tx.tenantId)).consistency(
        from,
      );
      const older = (await tx.query<CheckpointRow>(selectCheckpointOf, [tx.tenantId, from])).rows[0] ?? null;
      return { to: newer, from: older, hashes };
    },
    checkpoint: (logId: string) => inLog(logId, async (tx) => (await readHead(tx))?.note ?? null),
    tile: (logId: string, path: TilePath) => inLog(logId, (tx, tenantId) => readTile(tx, tenantId, path)),
    logById: directory.byId,
  });
}

/** @throws ERR_NOT_FOUND when there is no such entry and never was */
async function prunedLeafHash(tx: Tx, seq: number): Promise<Buffer> {
  if ((await readPrunedEntry(tx, seq)) === null) throw notFound('event', String(seq));
  const tile = await createTileReader(tx, tx.tenantId)(0, Math.floor(seq / tileWidth), tileWidth);
  return tile.subarray((seq % tileWidth) * hashBytes, ((seq % tileWidth) + 1) * hashBytes);
}

async function readHead(tx: Tx): Promise<CheckpointRow | null> {
  return (await tx.query<CheckpointRow>(selectCheckpoint, [tx.tenantId])).rows[0] ?? null;
}

async function checkpointOf(tx: Tx, size: number | undefined): Promise<CheckpointRow> {
  if (size === undefined)
    return exactlyOne(await tx.query<CheckpointRow>(selectCheckpoint, [tx.tenantId]), 'head of the log');
  const { rows } = await tx.query<CheckpointRow>(selectCheckpointOf, [tx.tenantId, size]);
  if (rows[0] === undefined) throw notFound('checkpoint of size', String(size));
  return rows[0];
}

async function readTile(tx: Tx, tenantId: TenantId, path: TilePath): Promise<Buffer> {
  const size = (await readHead(tx))?.size ?? 0;
  const available = Math.floor(size / tileWidth ** path.level) - path.index * tileWidth;
  if (path.width > available) throw auditError('ERR_AUDIT_INVALID_PATH', 'the log is not that large yet');
  if (path.kind === 'entries' && (path.index + 1) * tileWidth <= (await readMinimumIndex(tx)))
    throw auditError(
      'ERR_AUDIT_PRUNED',
      'these entries were pruned; see /retention of this log for its policy',
    );
  if (path.kind === 'entries') return readBundle(tx, tenantId, path.index, path.width);
  return createTileReader(tx, tenantId)(path.level, path.index, path.width);
}
