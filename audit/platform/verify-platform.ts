import { exactlyOne, type Queries } from '../../db/index.ts';
import { parseCheckpoint } from '../checkpoint-text.ts';
import { splitHashes } from '../hash.ts';
import { parseNote, parseVerifierKey } from '../signed-note.ts';
import { foldFrontier } from '../tree-writer.ts';
import {
  addFindings,
  verifyLog,
  type Finding,
  type SourceEntry,
  type StoredTile,
  type VerifyReport,
} from '../verify-log.ts';
import type { PlatformLogInfo } from './platform-log.ts';
import {
  selectPlatformBodies,
  selectPlatformCheckpoints,
  selectPlatformHead,
  selectPlatformLog,
  selectPlatformTile,
} from './store-platform.ts';

type Row = {
  readonly seq: number;
  readonly body: Buffer;
  readonly leafHash: Buffer;
  readonly logTag: Buffer;
};
type Kept = { readonly size: number; readonly root: Buffer; readonly note: string };
type Head = Kept & { readonly frontier: Buffer };

const pageSize = 1_000;

/** Verifies the platform log where it is stored: leaves, tags, tree, tiles, checkpoints, head. */
export async function verifyPlatform(queries: Queries): Promise<VerifyReport> {
  const { vkey } = exactlyOne(await queries.query<PlatformLogInfo>(selectPlatformLog), 'platform log');
  const head = exactlyOne(await queries.query<Head>(selectPlatformHead), 'head of the platform log');
  const report = await verifyLog({
    verifiers: [parseVerifierKey(vkey)],
    head: head.note,
    entries: () => readEntries(queries),
    checkpoints: () => readCheckpoints(queries),
    tile: async (level, index) =>
      (await queries.query<StoredTile>(selectPlatformTile, [level, index])).rows[0] ?? null,
  });
  return addFindings(report, compareHead(head));
}

async function* readEntries(queries: Queries): AsyncGenerator<SourceEntry> {
  for (let from = 0; ; from += pageSize) {
    const { rows } = await queries.query<Row>(selectPlatformBodies, [from, from + pageSize]);
    for (const { seq, body, leafHash, logTag } of rows)
      yield { seq, body, leafHash, findings: compareTag(seq, body, logTag) };
    if (rows.length < pageSize) return;
  }
}

function compareTag(seq: number, body: Buffer, tag: Buffer): readonly Finding[] {
  if (body.toString('utf8').split('\n')[1] === `log ${tag.toString('base64')}`) return [];
  return [{ kind: 'column', seq, message: `entry ${seq}: the column log_tag differs from the leaf` }];
}

async function* readCheckpoints(queries: Queries): AsyncGenerator<Kept> {
  for (let after = -1; ;) {
    const { rows } = await queries.query<Kept>(selectPlatformCheckpoints, [after, pageSize]);
    yield* rows;
    const last = rows.at(-1);
    if (rows.length < pageSize || last === undefined) return;
    after = last.size;
  }
}

function compareHead({ size, root, frontier, note }: Head): readonly Finding[] {
  const signed = parseCheckpoint(parseNote(note).text);
  if (signed.size === size && signed.root.equals(root) && foldFrontier(splitHashes(frontier)).equals(root))
    return [];
  return [
    {
      kind: 'head',
      seq: null,
      message: `the head of the platform log says ${size}, its checkpoint ${signed.size}, or their roots differ`,
    },
  ];
}
