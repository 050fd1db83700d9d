import type { Queries } from '../../db/index.ts';
import type { TenantId } from '../../kernel/index.ts';
import { hashBytes, splitHashes } from '../hash.ts';
import { parseLeafBody, type LeafBody } from '../leaf.ts';
import { selectTile } from '../store-read.ts';
import { tileWidth } from '../tree-writer.ts';
import type { Finding, SourceEntry } from '../verify-log.ts';
import { countPrunedTiles, selectPendingPruned, selectPrunedBatch, selectPrunedTile } from './store.ts';

/** What was removed by pruning and nothing else: the notes say which, the log's own events vouch for the notes. */
export type PrunedRanges = {
  /** Entries of `[from, to)` that were pruned, with their hashes; stops at the first that was not. */
  readonly fill: (from: number, to: number) => AsyncGenerator<SourceEntry>;
  /** Looks at an entry that is there. */
  readonly see: (seq: number, body: LeafBody | null) => Promise<readonly Finding[]>;
  /** After the last entry: compares the notes with the events. */
  readonly finish: () => Promise<readonly Finding[]>;
};

type Batch = { readonly runId: string; readonly from: number; readonly to: number; readonly digest: string };
type Tile = { readonly index: number; readonly removed: Buffer | null; readonly hashes: readonly Buffer[] };

/** Reads as the transaction's tenant; keeps one tile and one line per batch in memory. */
export function createPrunedRanges(queries: Queries, tenantId: TenantId): PrunedRanges {
  const batches: { readonly seq: number | null; readonly batch: Batch }[] = [];
  let current: Tile | null = null;
  let any: boolean | null = null;
  const hasAny = async (): Promise<boolean> => (any ??= (await countTiles(queries, tenantId)) > 0);
  const tileOf = async (seq: number): Promise<Tile> => {
    const index = Math.floor(seq / tileWidth);
    if (current?.index !== index) current = await readTile(queries, tenantId, index);
    return current;
  };
  return {
    fill: async function* (from, to) {
      if (from >= to || !(await hasAny())) return;
      for (let seq = from; seq < to; seq += 1) {
        const { removed, hashes } = await tileOf(seq);
        const leafHash = hashes[seq % tileWidth];
        if (removed === null || leafHash === undefined || !isSet(removed, seq % tileWidth)) return;
        yield { seq, body: null, leafHash };
      }
    },
    see: async (seq, body) => {
      if (body?.action === 'audit.entries_pruned') batches.push({ seq, batch: body.detail as Batch }); // by its definition
      if (!(await hasAny())) return [];
      const { removed } = await tileOf(seq);
      if (removed === null || !isSet(removed, seq % tileWidth)) return [];
      return [{ kind: 'entry', seq, message: `entry ${seq} was pruned, and yet it is there` }];
    },
    finish: async () => {
      const { rows } = await queries.query<{ body: Buffer }>(selectPendingPruned, [tenantId]);
      for (const row of rows) batches.push({ seq: null, batch: parseLeafBody(row.body).detail as Batch }); // as above
      return compareBatches(queries, tenantId, batches);
    },
  };
}

async function countTiles(queries: Queries, tenantId: TenantId): Promise<number> {
  return (await queries.query<{ count: number }>(countPrunedTiles, [tenantId])).rows[0]?.count ?? 0;
}

async function readTile(queries: Queries, tenantId: TenantId, index: number): Promise<Tile> {
  const noted = await queries.query<{ removed: Buffer }>(selectPrunedTile, [tenantId, index]);
  if (noted.rows.length === 0) return { index, removed: null, hashes: [] };
  const removed = Buffer.alloc(hashBytes);
  for (const row of noted.rows)
    for (const [at, byte] of row.removed.entries()) removed[at] = (removed[at] ?? 0) | byte;
  const stored = await queries.query<{ hashes: Buffer }>(selectTile, [tenantId, 0, index]);
  return { index, removed, hashes: splitHashes(stored.rows[0]?.hashes ?? Buffer.alloc(0)) };
}

/** Bits as PostgreSQL's get_bit counts them. */
function isSet(bits: Buffer, at: number): boolean {
  return (((bits[at >> 3] ?? 0) >> (at & 7)) & 1) === 1;
}

async function compareBatches(
  queries: Queries,
  tenantId: TenantId,
  batches: readonly { readonly seq: number | null; readonly batch: Batch }[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  let vouched = 0;
  for (const { seq, batch } of batches) {
    const { runId, from, to, digest } = batch;
    const values = [tenantId, runId, from / tileWidth, to / tileWidth];
    const { rows } = await queries.query<{ tiles: number; digest: Buffer }>(selectPrunedBatch, values);
    vouched += rows[0]?.tiles ?? 0;
    if (rows[0]?.digest.toString('hex') !== digest)
      findings.push({
        kind: 'pruned',
        seq: from,
        message: `the notes of what was pruned from ${from} to ${to} differ from the event ${seq ?? 'on its way'}`,
      });
  }
  const noted = await countTiles(queries, tenantId);
  if (noted !== vouched)
    findings.push({
      kind: 'pruned',
      seq: null,
      message: `${noted} tiles are noted as pruned where the events of the log vouch for ${vouched}`,
    });
  return findings;
}
