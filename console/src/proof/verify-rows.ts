import { equal, type Bytes } from './bytes.ts';
import { parseCheckpoint, type Checkpoint } from './checkpoint.ts';
import { climb, hashLeaf } from './merkle.ts';
import { parseSignedNote, parseVerifierKey, verifyNote } from './signed-note.ts';
import { openTiledLog, type FetchTile } from './tiles.ts';

/** A row as a list shows it. */
export type ShownRow = {
  readonly seq: number;
  readonly id: string;
  readonly occurredAt: string;
  readonly receivedAt: string;
  readonly action: string;
  readonly version: number;
  readonly category: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly requestId: string | null;
  readonly actor: { readonly id: string };
  readonly targets: readonly { readonly type: string; readonly id: string }[];
  readonly subjects: readonly string[];
};
/** What became of a row: `later` ones are younger than the checkpoint. */
export type RowProof =
  | { readonly state: 'verified' }
  | { readonly state: 'later' }
  | { readonly state: 'broken'; readonly problem: string };

/** Reads a checkpoint and verifies its signature. @throws Error when it is not signed by the key */
export async function trustCheckpoint(note: string, vkey: string): Promise<Checkpoint> {
  const parsed = parseSignedNote(note);
  const key = await parseVerifierKey(vkey);
  const checkpoint = parseCheckpoint(parsed.text);
  if (checkpoint.origin !== key.name) throw new Error('the checkpoint speaks of another log');
  if (!(await verifyNote(parsed, key))) throw new Error('the checkpoint is not signed by the key of the log');
  return checkpoint;
}

/**
 * Verifies every row against one checkpoint, from the log's public tiles: that the log holds an entry there, that it says
 * what the row shows, and that it leads to the checkpoint's root.
 */
export async function verifyRows(
  rows: readonly ShownRow[],
  checkpoint: Checkpoint,
  fetchTile: FetchTile,
  onRow: (seq: number, proof: RowProof) => void,
): Promise<void> {
  const log = openTiledLog(checkpoint.size, fetchTile);
  for (const row of rows) {
    if (row.seq >= checkpoint.size) {
      onRow(row.seq, { state: 'later' });
      continue;
    }
    try {
      const entry = await log.entry(row.seq);
      const wrong = differs(row, entry);
      if (wrong !== null) throw new Error(`the log says another "${wrong}"`);
      const leaf = await hashLeaf(entry);
      const steps = await climb(row.seq, checkpoint.size, leaf, await log.inclusion(row.seq));
      if (!equal(steps.at(-1)?.result ?? leaf, checkpoint.root))
        throw new Error('it does not lead to the root of the checkpoint');
      onRow(row.seq, { state: 'verified' });
    } catch (error) {
      onRow(row.seq, { state: 'broken', problem: error instanceof Error ? error.message : String(error) });
    }
  }
}

/** The first field in which a row says something else than the entry. */
function differs(row: ShownRow, entry: Bytes): string | null {
  const body = JSON.parse(new TextDecoder().decode(entry)) as Record<string, unknown>; // compared field by field
  const shown: Record<string, unknown> = {
    id: row.id,
    occurredAt: row.occurredAt,
    receivedAt: row.receivedAt,
    action: row.action,
    version: row.version,
    category: row.category,
    outcome: row.outcome,
    reason: row.reason ?? undefined,
    requestId: row.requestId ?? undefined,
    targets: row.targets.length === 0 ? undefined : row.targets.map(({ type, id }) => ({ type, id })),
    subjects: row.subjects.length === 0 ? undefined : row.subjects,
  };
  for (const [name, value] of Object.entries(shown)) {
    const held = body[name] === null ? undefined : body[name];
    if (JSON.stringify(value) !== JSON.stringify(held)) return name;
  }
  return (body['actor'] as { id?: unknown } | undefined)?.id === row.actor.id ? null : 'actor';
}
