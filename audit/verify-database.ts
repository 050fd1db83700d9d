import type { Queries } from '../db/index.ts';
import type { TenantId } from '../kernel/index.ts';
import { auditError } from './errors.ts';
import { columnsOf, hashIdempotencyKey, parseLeafBody, type IndexedColumns, type LeafBody } from './leaf.ts';
import { commitmentsOf, type OpenedGroups } from './open-groups.ts';
import { createPrunedRanges, type PrunedRanges } from './keeping/verify-pruned.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { splitHashes } from './hash.ts';
import { foldFrontier } from './tree-writer.ts';
import { verifyOwnLeaves } from './platform/verify-own-leaves.ts';
import { parseNote, parseVerifierKey } from './signed-note.ts';
import { selectLogByTenant } from './store.ts';
import {
  countSubjects,
  selectHeadRow,
  selectCheckpoints,
  selectForVerification,
  selectStraySubject,
  selectSubjectsOf,
  selectTileWithRoot,
} from './store-verify.ts';
import {
  addFindings,
  verifyLog,
  type Finding,
  type SourceEntry,
  type StoredTile,
  type VerifyReport,
} from './verify-log.ts';

/** Opens the groups behind some commitments; left out, commitments are not checked. */
export type OpenCommitments = (commitments: readonly string[]) => Promise<OpenedGroups>;

type Row = Omit<IndexedColumns, 'subjects'> & {
  readonly seq: number;
  readonly idempotencyKey: string | null;
  readonly leafHash: Buffer;
  readonly body: Buffer;
};
type HeadRow = CheckpointRow & { readonly frontier: Buffer };
type CheckpointRow = { readonly size: number; readonly root: Buffer; readonly note: string };

const pageSize = 1_000;

/**
 * Verifies one log where it is stored: bytes, tree, tiles, checkpoints, indexed columns, subjects, commitments.
 *
 * @param queries - a transaction that sees the tenant, best `repeatable read`
 * @throws ERR_AUDIT_CORRUPT when the tenant has no log at all
 */
export async function verifyDatabase(
  queries: Queries,
  tenantId: TenantId,
  open?: OpenCommitments,
): Promise<VerifyReport> {
  const log = (await queries.query<{ vkey: string; origin: string }>(selectLogByTenant, [tenantId])).rows[0];
  const head = (await queries.query<HeadRow>(selectHeadRow, [tenantId])).rows[0];
  if (log === undefined || head === undefined)
    throw auditError('ERR_AUDIT_CORRUPT', `tenant ${tenantId} has no log, or its head is gone`);
  const counts = { open: 0, erased: 0, subjects: 0 };
  const pruned = createPrunedRanges(queries, tenantId);
  const report = await verifyLog(
    {
      verifiers: [parseVerifierKey(log.vkey)],
      head: head.note,
      entries: () => readEntries(queries, { tenantId, pruned, size: head.size }, counts, open),
      checkpoints: () => readCheckpoints(queries, tenantId),
      tile: (level, index) => readTile(queries, tenantId, level, index),
    },
    counts,
  );
  return addFindings(report, [
    ...(await pruned.finish()),
    ...compareHead(head),
    ...compareOrigin(log),
    ...(await strays(queries, tenantId, counts.subjects)),
    ...(await verifyOwnLeaves(queries, tenantId, log.origin)),
  ]);
}

type Place = { readonly tenantId: TenantId; readonly pruned: PrunedRanges; readonly size: number };

async function* readEntries(
  queries: Queries,
  { tenantId, pruned, size }: Place,
  counts: { open: number; erased: number; subjects: number },
  open?: OpenCommitments,
): AsyncGenerator<SourceEntry> {
  const checked = new Map<string, string | null>();
  let expected = 0;
  for (let from = 0; ;) {
    const { rows } = await queries.query<Row>(selectForVerification, [tenantId, from, pageSize]);
    const parsed = rows.map((row) => tryParse(row));
    const subjects = await readSubjects(queries, tenantId, parsed);
    const bodies = parsed.flatMap(({ body }) => (body === null ? [] : [body]));
    if (open !== undefined) await checkCommitments(open, commitmentsOf(bodies), checked, counts);
    for (const { row, body, columns } of parsed) {
      yield* pruned.fill(expected, row.seq);
      expected = row.seq + 1;
      const findings: Finding[] = [...(await pruned.see(row.seq, body))];
      if (columns === null || body === null)
        findings.push({ kind: 'entry', seq: row.seq, message: `entry ${row.seq} is not a readable event` });
      else {
        findings.push(...compareColumns(row, body, columns), ...missingSubjects(row.seq, columns, subjects));
        for (const commitment of Object.values(body.commitments ?? {})) {
          const wrong = checked.get(commitment) ?? null;
          if (wrong !== null)
            findings.push({ kind: 'commitment', seq: row.seq, message: `entry ${row.seq}: ${wrong}` });
        }
        counts.subjects += columns.subjects.length;
      }
      yield { seq: row.seq, body: row.body, leafHash: row.leafHash, findings };
    }
    const last = rows.at(-1);
    if (rows.length < pageSize || last === undefined) return yield* pruned.fill(expected, size);
    from = last.seq + 1;
    if (checked.size > 100_000) checked.clear(); // bounded; a group checked twice is no harm
  }
}

function tryParse(row: Row) {
  try {
    const body = parseLeafBody(row.body);
    return { row, body, columns: columnsOf(body) };
  } catch {
    return { row, body: null, columns: null };
  }
}

function compareColumns(row: Row, body: LeafBody, columns: IndexedColumns): readonly Finding[] {
  const names = ['id', 'action', 'outcome', 'actorId', 'targets'] as const;
  const wrong: string[] = names.filter((name) => row[name] !== columns[name]);
  for (const name of ['occurredAt', 'receivedAt'] as const)
    if (row[name].getTime() !== columns[name].getTime()) wrong.push(name);
  if (hashIdempotencyKey(row.idempotencyKey) !== (body.idempotencyHash ?? null)) wrong.push('idempotencyKey');
  return wrong.map((name) => ({
    kind: 'column',
    seq: row.seq,
    message: `entry ${row.seq}: the column ${name} differs from the event`,
  }));
}

async function readSubjects(
  queries: Queries,
  tenantId: TenantId,
  parsed: readonly ReturnType<typeof tryParse>[],
): Promise<ReadonlySet<string>> {
  const pairs = parsed.flatMap(({ row, columns }) =>
    (columns?.subjects ?? []).map((subject) => ({ subject, seq: row.seq })),
  );
  if (pairs.length === 0) return new Set();
  const values = [tenantId, pairs.map(({ subject }) => subject), pairs.map(({ seq }) => seq)];
  const { rows } = await queries.query<{ seq: number; subjectId: string }>(selectSubjectsOf, values);
  return new Set(rows.map(({ seq, subjectId }) => `${seq} ${subjectId}`));
}

function missingSubjects(
  seq: number,
  columns: IndexedColumns,
  found: ReadonlySet<string>,
): readonly Finding[] {
  const missing = columns.subjects.filter((subject) => !found.has(`${seq} ${subject}`));
  return missing.map((subject) => ({
    kind: 'subject',
    seq,
    message: `entry ${seq} touched ${subject}, but that person's history leaves it out`,
  }));
}

async function checkCommitments(
  open: OpenCommitments,
  commitments: readonly string[],
  checked: Map<string, string | null>,
  counts: { open: number; erased: number },
): Promise<void> {
  const fresh = commitments.filter((commitment) => !checked.has(commitment));
  if (fresh.length === 0) return;
  for (const [commitment, group] of await open(fresh)) {
    if (group.state === 'open') counts.open += 1;
    if (group.state === 'erased') counts.erased += 1;
    const wrong = {
      open: null,
      erased: null,
      missing: 'the sealed group of a commitment is missing',
      broken: 'a sealed group does not match its commitment',
    } as const;
    checked.set(commitment, wrong[group.state]);
  }
}

async function* readCheckpoints(queries: Queries, tenantId: TenantId): AsyncGenerator<CheckpointRow> {
  for (let after = -1; ;) {
    const { rows } = await queries.query<CheckpointRow>(selectCheckpoints, [tenantId, after, pageSize]);
    yield* rows;
    const last = rows.at(-1);
    if (rows.length < pageSize || last === undefined) return;
    after = last.size;
  }
}

/** The root column stands behind the hashes, so that both are compared at once. */
async function readTile(
  queries: Queries,
  tenantId: TenantId,
  level: number,
  index: number,
): Promise<StoredTile | null> {
  return (await queries.query<StoredTile>(selectTileWithRoot, [tenantId, level, index])).rows[0] ?? null;
}

async function strays(queries: Queries, tenantId: TenantId, expected: number): Promise<readonly Finding[]> {
  const { rows } = await queries.query<{ count: number }>(countSubjects, [tenantId]);
  if (rows[0]?.count === expected) return [];
  const stray = (await queries.query<{ seq: number }>(selectStraySubject, [tenantId])).rows[0];
  return [
    {
      kind: 'subject',
      seq: stray?.seq ?? null,
      message: `the histories of people hold ${rows[0]?.count ?? 0} rows where the events give ${expected}`,
    },
  ];
}

/** The head's columns against the checkpoint beside them; what that signs was compared with the entries already. */
function compareHead(head: HeadRow): readonly Finding[] {
  const signed = parseCheckpoint(parseNote(head.note).text);
  const frontierRoot = foldFrontier(splitHashes(head.frontier));
  if (signed.size === head.size && signed.root.equals(head.root) && frontierRoot.equals(head.root)) return [];
  return [
    {
      kind: 'head',
      seq: null,
      message: `the head row says ${head.size} entries, its checkpoint ${signed.size}, or their roots differ`,
    },
  ];
}

/** The name in the key is the origin; the column beside it is a copy. */
function compareOrigin({
  origin,
  vkey,
}: {
  readonly origin: string;
  readonly vkey: string;
}): readonly Finding[] {
  if (parseVerifierKey(vkey).name === origin) return [];
  return [
    { kind: 'head', seq: null, message: `the column origin says ${origin}, the key of the log another name` },
  ];
}
