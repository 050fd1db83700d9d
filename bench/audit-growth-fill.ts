import { createTreeWriter, type FullTile, type TreeWriter } from '../audit/index.ts';
import { copyEntries, copySubjects } from '../audit/copy-statements.ts';
import { createCopyWriter, type CopyWriter } from '../audit/copy-writer.ts';
import { canonicalJson } from '../audit/canonical-json.ts';
import { createLeaf, parseLeafBody, type Commitments, type HashedLeaf } from '../audit/leaf.ts';
import { tenantPrefix, termsOf } from '../audit/search/terms.ts';
import { statement, type PipelineStep } from '../db/index.ts';
import type { TenantId } from '../kernel/index.ts';
import type { GrowthHouse } from './audit-growth-house.ts';
import { createPopulation, type Population } from './audit-growth-people.ts';

// Fills a log past its writer, with what the writer would have written: leaves as `createLeaf` makes them, their hashes,
// the tree's tiles and frontier, and the rows of the projection. Secondary indexes are dropped before and built again
// after. The last event of every size is written by the log itself, so that its checkpoint is signed over a tree it read.

const perYear = 10_000_000;
const yearMilliseconds = 365 * 86_400_000;
const eventsPerChunk = 4_000;

/** Fills a log step by step. */
export type Filler = {
  /** Brings the log to exactly this many events. @param house - as opened last @returns the time of the last one */
  readonly fillTo: (house: GrowthHouse, events: number) => Promise<Date>;
};

type Filling = {
  readonly house: GrowthHouse;
  readonly population: Population;
  readonly tree: TreeWriter;
  readonly commitments: ReadonlyMap<string, Commitments>;
  readonly begin: number;
  readonly stop: AbortSignal;
};

const copyTiles = statement(
  'bench.copy_tiles',
  'copy audit.tile (tenant_id, level, index, hashes, root) from stdin (format binary)',
);
const copySearch = statement(
  'bench.copy_search',
  'copy audit.search_entry (tenant_id, seq, terms) from stdin (format binary)',
);

/**
 * Writes one event per actor through the log itself, so that personal groups are sealed as they are in a house.
 *
 * @param stop - ends a filling between two chunks
 */
export async function createFiller(house: GrowthHouse, stop: AbortSignal): Promise<Filler> {
  const begin = Date.now() - yearMilliseconds;
  const population = createPopulation(house.tenant, new Date(begin));
  house.setTime(new Date(begin));
  await house.audit.ensureLog(house.tenant);
  await house.audit.prepare(house.tenant);
  const events = population.actors.map((actor) => ({ ...population.next(new Date(begin)), actor }));
  await house.audit.recordMany(events);
  await house.audit.flush();
  await house.admin('alter table audit.entry set unlogged');
  await house.admin('alter table audit.entry_subject set unlogged');
  await house.admin('alter table audit.search_entry set unlogged');
  await house.admin('grant insert on audit.search_entry to gatehouse_sequencer');
  const filling = { house, population, begin, stop, ...(await readWritten(house)) };
  await house.audit.projector.catchUp(house.tenant);
  return Object.freeze({
    fillTo: (now: GrowthHouse, count: number) => fillTo({ ...filling, house: now }, count),
  });
}

async function readWritten({ admin }: GrowthHouse): Promise<Pick<Filling, 'tree' | 'commitments'>> {
  const tree = createTreeWriter();
  const commitments = new Map<string, Commitments>();
  const { rows } = await admin('select leaf_hash as hash, body from audit.entry order by seq');
  for (const { hash, body } of rows as readonly { hash: Buffer; body: Buffer }[]) {
    tree.append(hash, () => undefined); // stored by the log
    const parsed = parseLeafBody(body);
    commitments.set(parsed.actor.id, parsed.commitments ?? {});
  }
  return { tree, commitments };
}

async function fillTo(filling: Filling, events: number): Promise<Date> {
  const { house } = filling;
  const indexes = await dropIndexes(house);
  await copyUpTo(filling, events - 1);
  for (const create of indexes) await house.admin(create);
  await moveHead(filling);
  const last = timeOf(filling, events - 1);
  house.setTime(last);
  await house.audit.record({ ...filling.population.next(last) });
  await followTree(filling);
  await house.audit.projector.catchUp(house.tenant);
  await house.admin(
    'vacuum (analyze) audit.entry, audit.entry_subject, audit.search_entry, audit.tile, audit.sealed_group',
  );
  return last;
}

async function copyUpTo(filling: Filling, events: number): Promise<void> {
  const { house, tree, stop } = filling;
  const pipeline = await house.database.sequencerPipeline();
  let running: Promise<void> = Promise.resolve();
  try {
    while (tree.size() < events) {
      if (stop.aborted) throw stop.reason;
      const steps = await nextChunk(filling, Math.min(eventsPerChunk, events - tree.size()));
      await running;
      running = pipeline.run(steps);
    }
  } finally {
    await running;
    pipeline.release();
  }
}

/** Where the tree stands in the database; the writer notices, reads it, and signs the next checkpoint over it. */
async function moveHead({ house, tree }: Filling): Promise<void> {
  await house.admin(
    'update audit.head set size = $2, root = $3, frontier = $4, epoch = epoch + 1 where tenant_id = $1',
    [house.tenant, tree.size(), tree.root(), Buffer.concat(tree.frontier())],
  );
  await house.admin('update audit.search_cursor set next_seq = $2 where tenant_id = $1', [
    house.tenant,
    tree.size(),
  ]);
}

/** The one entry that the log wrote itself. */
async function followTree({ house, tree }: Filling): Promise<void> {
  const { rows } = await house.admin(
    'select leaf_hash as hash from audit.entry where seq >= $1 order by seq',
    [tree.size()],
  );
  for (const { hash } of rows as readonly { hash: Buffer }[]) tree.append(hash, () => undefined);
}

/** @returns what builds them again */
async function dropIndexes({ admin }: GrowthHouse): Promise<readonly string[]> {
  const { rows } =
    await admin(`select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as create
    from pg_index where indrelid in ('audit.entry'::regclass, 'audit.search_entry'::regclass) and not indisprimary`);
  const found = rows as readonly { name: string; create: string }[];
  for (const { name } of found) await admin(`drop index ${name}`);
  await admin('alter table audit.entry_subject drop constraint entry_subject_pkey');
  return [
    ...found.map(({ create }) => create),
    'alter table audit.entry_subject add primary key (tenant_id, subject_id, seq)',
  ];
}

const timeOf = ({ begin }: Filling, seq: number): Date =>
  new Date(begin + Math.floor((seq / perYear) * yearMilliseconds));

async function nextChunk(filling: Filling, count: number): Promise<readonly PipelineStep[]> {
  const { house, population, tree, commitments } = filling;
  const { tenant } = house;
  const [entries, subjects, tiles, search] = [
    createCopyWriter(8 << 20),
    createCopyWriter(),
    createCopyWriter(),
    createCopyWriter(8 << 20),
  ];
  const prefix = tenantPrefix(tenant);
  const keepTile = (tile: FullTile): void => writeTile(tiles, tenant, tile);
  for (let at = 0; at < count; at += 1) {
    if (at % 250 === 249) await new Promise(setImmediate); // the last chunk is on its way meanwhile
    const seq = tree.size();
    const time = timeOf(filling, seq);
    const event = population.next(time);
    const leaf = createLeaf(event, {
      id: population.newId(time),
      receivedAt: time,
      detail: { kind: 'inline', json: canonicalJson(event.detail) },
      commitments: commitments.get(event.actor.id) ?? {},
    });
    tree.append(leaf.leafHash, keepTile);
    writeEntry(entries, tenant, seq, leaf);
    for (const subject of leaf.subjects) {
      subjects.row(3);
      subjects.uuid(tenant);
      subjects.uuid(subject);
      subjects.bigint(seq);
    }
    search.row(3);
    search.uuid(tenant);
    search.bigint(seq);
    search.bytes(tsvector(termsOf(parseLeafBody(leaf.body), event.detail), prefix));
  }
  return [
    { kind: 'copy', statement: copyEntries, rows: entries.finish() },
    { kind: 'copy', statement: copySubjects, rows: subjects.finish() },
    { kind: 'copy', statement: copyTiles, rows: tiles.finish() },
    { kind: 'copy', statement: copySearch, rows: search.finish() },
  ];
}

function writeEntry(rows: CopyWriter, tenant: TenantId, seq: number, leaf: HashedLeaf): void {
  rows.row(12);
  rows.uuid(tenant);
  rows.bigint(seq);
  rows.uuid(leaf.id);
  rows.timestamp(leaf.occurredAt);
  rows.timestamp(leaf.receivedAt);
  rows.text(leaf.action);
  rows.text(leaf.outcome);
  rows.text(leaf.actorId);
  rows.text(leaf.targets);
  rows.text(null);
  rows.bytes(leaf.leafHash);
  rows.bytes(leaf.body);
}

function writeTile(rows: CopyWriter, tenant: TenantId, { level, index, hashes, root }: FullTile): void {
  const small = Buffer.alloc(2);
  small.writeInt16BE(level);
  rows.row(5);
  rows.uuid(tenant);
  rows.bytes(small);
  rows.bigint(index);
  rows.bytes(hashes);
  rows.bytes(root);
}

/** A `tsvector` in PostgreSQL's binary form: count, then each term ended by 00 and followed by no positions. It sorts them. */
function tsvector(terms: readonly string[], prefix: string): Buffer {
  const texts = `${terms.map((term) => `${prefix}${term}\0\0\0`).join('')}`;
  const bytes = Buffer.allocUnsafe(4 + Buffer.byteLength(texts));
  bytes.writeInt32BE(terms.length, 0);
  bytes.write(texts, 4, 'utf8');
  return bytes;
}

/** A fingerprint of the whole projection, to compare the filler's with the projector's. */
export async function fingerprint({ admin }: GrowthHouse): Promise<string> {
  const { rows } = await admin(
    `select md5(string_agg(seq || ' ' || terms::text, ',' order by seq)) as print from audit.search_entry`,
  );
  return (rows as readonly { readonly print: string }[])[0]?.print ?? '';
}
