import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import yazl from 'yazl';
import type { Database, Tx } from '../db/index.ts';
import { invalidRequest, type Clock, type TenantId } from '../kernel/index.ts';
import type { AuditCrypto } from './crypto-need.ts';
import { formatCsvLine } from './csv.ts';
import { evidenceReadme } from './evidence-readme.ts';
import type { LogInfo } from './log-directory.ts';
import { parseLeafBody, type LeafBody } from './leaf.ts';
import type { CheckpointRow } from './log-reader.ts';
import { commitmentsOf, openGroups, type OpenedGroup, type OpenedGroups } from './open-groups.ts';
import { selectBodies } from './store-read.ts';
import { formatTilePath, type TilePath } from './tile-path.ts';
import { createTileReader, readBundle } from './tile-reader.ts';
import { tileWidth } from './tree-writer.ts';

/** A run of events, `to` exclusive, and the checkpoint that covers it. */
export type EvidenceRange = {
  readonly log: LogInfo;
  /** Every verifier key of the log. */
  readonly vkeys: readonly string[];
  readonly checkpoint: CheckpointRow;
  readonly from: number;
  readonly to: number;
  /** Bundles that end here or before were pruned. */
  readonly minimumIndex: number;
};

/** What it reads with. */
export type EvidenceDeps = {
  readonly database: Database;
  readonly crypto: Pick<AuditCrypto, 'open'>;
  readonly clock: Clock;
};

type LazyEntries = {
  readonly addReadStreamLazy: (
    name: string,
    options: object,
    open: (done: (error: null, stream: Readable) => void) => void,
  ) => void;
};

const maxEvents = 1_000_000;
const pageSize = 1_000;

/**
 * An evidence pack as a zip that is made while it is read: memory does not grow with the range.
 *
 * @see docs/audit.md for the files in it
 */
export async function createEvidencePack(deps: EvidenceDeps, range: EvidenceRange): Promise<Readable> {
  const { log, checkpoint, from, to } = range;
  if (from > to || to > checkpoint.size)
    throw invalidRequest(`the range must lie within the ${checkpoint.size} events that are signed`);
  if (to - from > maxEvents)
    throw invalidRequest(`at most ${maxEvents} events fit in a pack; ask for several ranges`);
  const zip = new yazl.ZipFile() as yazl.ZipFile & LazyEntries; // its published types lack this method
  const output = zip.outputStream as Readable; // yazl declares the older interface
  const options = { mtime: deps.clock.now(), mode: 0o100644 };
  const add = (name: string, content: () => AsyncIterable<Buffer | string>): void =>
    zip.addReadStreamLazy(name, options, (done) => {
      const stream = Readable.from(content(), { objectMode: false });
      stream.on('error', (error) => output.destroy(error));
      done(null, stream);
    });
  const text = (name: string, content: string): void => zip.addBuffer(Buffer.from(content), name, options);
  text('README.md', evidenceReadme(range));
  text('vkey.txt', `${range.vkeys.join('\n')}\n`);
  text('checkpoint', checkpoint.note);
  text('statement.json', `${JSON.stringify(statementOf(range, deps.clock.now()), null, 2)}\n`);
  zip.addBuffer(await readFile(join(import.meta.dirname, 'evidence-verifier.mjs')), 'verify.mjs', options);
  add('events.ndjson', () => ndjson(deps, range));
  add('events.csv', () => csv(deps, range));
  for (const path of pathsOf(range))
    add(`tile/${formatTilePath(path)}`, () => tile(deps.database, log.tenantId, path));
  zip.end();
  return output;
}

function statementOf({ log, vkeys, checkpoint, from, to, minimumIndex }: EvidenceRange, now: Date) {
  return {
    format: 'gatehouse-evidence/1',
    origin: log.origin,
    vkeys,
    from,
    to,
    events: to - from,
    treeSize: checkpoint.size,
    rootHash: checkpoint.root.toString('base64'),
    filter: null,
    minimumIndex,
    completeness:
      from < minimumIndex
        ? 'every event of the log with from <= seq < to, none left out, but those below minimumIndex that the retention policy let go'
        : 'every event of the log with from <= seq < to, none left out',
    createdAt: now.toISOString(),
  };
}

/** Bundles and level-0 tiles of the range, the last level-0 tile, and every level above. */
function pathsOf({ checkpoint: { size }, from, to, minimumIndex }: EvidenceRange): readonly TilePath[] {
  const paths: TilePath[] = [];
  const widthOf = (level: number, index: number): number =>
    Math.min(tileWidth, Math.floor(size / tileWidth ** level) - index * tileWidth);
  const wanted = new Set<number>();
  for (let index = Math.floor(from / tileWidth); index * tileWidth < to; index += 1) {
    wanted.add(index);
    if ((index + 1) * tileWidth > minimumIndex)
      paths.push({ kind: 'entries', level: 0, index, width: widthOf(0, index) });
  }
  if (size % tileWidth !== 0) wanted.add(Math.floor(size / tileWidth));
  for (const index of wanted) paths.push({ kind: 'tile', level: 0, index, width: widthOf(0, index) });
  for (let level = 1; tileWidth ** level <= size; level += 1) {
    for (let index = 0; widthOf(level, index) > 0; index += 1)
      paths.push({ kind: 'tile', level, index, width: widthOf(level, index) });
  }
  return paths;
}

async function* tile(database: Database, tenantId: TenantId, path: TilePath): AsyncGenerator<Buffer> {
  yield await database.withTenant(
    tenantId,
    (tx) =>
      path.kind === 'entries'
        ? readBundle(tx, tenantId, path.index, path.width)
        : createTileReader(tx, tenantId)(path.level, path.index, path.width),
    { readOnly: true },
  );
}

type Line = {
  readonly seq: number;
  readonly raw: Buffer;
  readonly body: LeafBody;
  readonly groups: OpenedGroups;
};

async function* pages(
  { database, crypto }: EvidenceDeps,
  { log, from, to }: EvidenceRange,
): AsyncGenerator<readonly Line[]> {
  for (let at = from; at < to; at += pageSize) {
    yield await database.withTenant(log.tenantId, async (tx: Tx) => {
      const { rows } = await tx.query<{ seq: number; body: Buffer }>(selectBodies, [
        log.tenantId,
        at,
        Math.min(to, at + pageSize),
      ]);
      const bodies = rows.map(({ body }) => parseLeafBody(body));
      const groups = await openGroups(tx, crypto, commitmentsOf(bodies));
      return rows.map(({ seq, body }, index) => ({
        seq,
        raw: body,
        body: bodies[index] as LeafBody,
        groups,
      })); // one body per row
    });
  }
}

async function* ndjson(deps: EvidenceDeps, range: EvidenceRange): AsyncGenerator<string> {
  for await (const page of pages(deps, range))
    yield page.map((line) => `${JSON.stringify(ndjsonLine(line))}\n`).join('');
}

function ndjsonLine({ seq, raw, body, groups }: Line) {
  return {
    seq,
    entry: raw.toString('utf8'),
    groups: Object.entries(body.commitments ?? {}).map(([kind, commitment]) => ({
      kind,
      commitment,
      ...disclose(groups.get(commitment)),
    })),
  };
}

function disclose(group: OpenedGroup | undefined) {
  if (group?.state === 'open')
    return { state: 'open', salt: group.salt.toString('base64'), value: group.json };
  if (group?.state === 'erased') return { state: 'erased', requestId: group.requestId };
  return { state: group?.state ?? 'missing' };
}

async function* csv(deps: EvidenceDeps, range: EvidenceRange): AsyncGenerator<string> {
  yield formatCsvLine([
    'seq',
    'id',
    'occurredAt',
    'action',
    'outcome',
    'reason',
    'actorType',
    'actorId',
    'actorName',
    'targets',
    'subjects',
    'requestId',
    'rule',
  ]);
  for await (const page of pages(deps, range)) yield page.map(csvLine).join('');
}

function csvLine({ seq, body, groups }: Line): string {
  const group = groups.get(body.commitments?.actor ?? '');
  const name =
    group?.state === 'open'
      ? (JSON.parse(group.json) as { displayName: string }).displayName
      : group?.state === 'erased'
        ? '(erased)'
        : (body.actor.name ?? null); // written by us
  const targets = (body.targets ?? []).map(({ type, id }) => `${type}/${id}`).join(' ');
  return formatCsvLine([
    seq,
    body.id,
    body.occurredAt,
    body.action,
    body.outcome,
    body.reason ?? null,
    body.actor.type,
    body.actor.id,
    name,
    targets,
    (body.subjects ?? []).join(' '),
    body.requestId ?? null,
    body.decision?.rule ?? null,
  ]);
}
