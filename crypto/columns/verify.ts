import type { Tx } from '../../db/index.ts';
import { isGatehouseError, type TenantId } from '../../kernel/index.ts';
import type { Actor, Row } from '../types.ts';
import { logicalValue, textOfOpened } from './column-type.ts';
import { columnVerified } from './events.ts';
import {
  closeWork,
  leaseEnd,
  lostLease,
  moveTo,
  openWork,
  readMigration,
  type ColumnDeps,
  type Work,
} from './migration-work.ts';
import {
  selectDiffering,
  selectHeld,
  lockHeldIds,
  writeSealed,
  type HeldRow,
  type WaitingRow,
} from './rows.ts';
import { retried } from './retried.ts';
import { sealBatch } from './seal-batch.ts';
import { nextState, type ColumnState } from './states.ts';
import { writeVerification, type Finding } from './store.ts';

/** Choices of a verification. */
export type VerifyOptions = {
  readonly actor: Actor;
  /** Rows per transaction, 1..5,000; default 500. */
  readonly batchSize?: number;
  readonly onProgress?: (checked: number) => void;
  readonly signal?: AbortSignal;
};

/** What a verification found. */
export type VerifyReport = {
  readonly state: ColumnState;
  readonly checked: number;
  /** Rows that differ; their plaintext is what counts. */
  readonly differing: number;
  /** At most 100 of them, by row id, never with a value. */
  readonly findings: readonly Finding[];
};

const defaultBatchSize = 500;
const maxFindings = 100;

/**
 * Opens every ciphertext, compares it with its plaintext by type, and its index values with what they should be. Every
 * row is seen sealed and equal at some moment after the call began, or is a finding.
 *
 * @throws ERR_CRYPTO_COLUMN when the step is not possible or another process works on it
 */
export async function verify(
  deps: ColumnDeps,
  tenantId: TenantId,
  id: string,
  options: VerifyOptions,
): Promise<VerifyReport> {
  const work = await openWork(deps, tenantId, id, 'verify');
  try {
    const found = await checkAll(deps, work, options);
    return await conclude(deps, work, found, options.actor);
  } finally {
    await closeWork(deps, work);
  }
}

type Found = { checked: number; differing: number; readonly findings: Finding[]; complete: boolean };

async function checkAll(deps: ColumnDeps, work: Work, options: VerifyOptions): Promise<Found> {
  const batchSize = Math.min(5_000, Math.max(1, Math.trunc(options.batchSize ?? defaultBatchSize)));
  const found: Found = { checked: 0, differing: 0, findings: [], complete: false };
  for (let cursor: string | null = null; options.signal?.aborted !== true;) {
    const batch = await checkBatch(deps, work, cursor, batchSize);
    found.checked += batch.seen;
    found.differing += batch.findings.length;
    found.findings.push(...batch.findings.slice(0, maxFindings - found.findings.length));
    options.onProgress?.(found.checked);
    await keepLease(deps, work, found, null);
    if (batch.seen < batchSize) return { ...found, complete: true };
    cursor = batch.last;
  }
  return found;
}

type Batch = { readonly seen: number; readonly last: string | null; readonly findings: readonly Finding[] };

async function checkBatch(deps: ColumnDeps, work: Work, after: string | null, limit: number): Promise<Batch> {
  const first = await snapshot(deps, work, (tx) => selectHeld(tx, work.layout, after, limit));
  const waiting = first.findings.filter(({ what }) => what === 'missing').map(({ rowId }) => rowId);
  const rest = first.findings.filter(({ what }) => what !== 'missing');
  const late = waiting.length === 0 ? [] : await retried(() => sealAndCompare(deps, work, waiting));
  return { seen: first.rows.length, last: first.rows.at(-1)?.id ?? null, findings: [...rest, ...late] };
}

type Seen = { readonly rows: readonly HeldRow[]; readonly findings: readonly Finding[] };

/** Reads and compares within one snapshot, so that no writer comes between the two. */
function snapshot(
  deps: ColumnDeps,
  work: Work,
  read: (tx: Tx) => Promise<readonly HeldRow[]>,
): Promise<Seen> {
  return deps.database.withTenant(
    work.tenantId,
    async (tx) => {
      const rows = await read(tx);
      return { rows, findings: await compare(deps, tx, work, rows) };
    },
    { isolation: 'repeatable read' },
  );
}

/**
 * Rows that a writer changed who does not know of the ciphertext: sealed and compared while they are locked, so that
 * no such writer comes between.
 */
function sealAndCompare(deps: ColumnDeps, work: Work, ids: readonly string[]): Promise<readonly Finding[]> {
  const { layout, target } = work;
  return deps.database.withTenant(work.tenantId, async (tx) => {
    const rows = (await lockHeldIds(tx, layout, ids)).flatMap(
      ({ id, subject, plain, ciphertext }): WaitingRow[] =>
        plain === null || ciphertext !== null ? [] : [{ id, subject, plain }],
    );
    const { sealed, refused } = await sealBatch(tx, deps.crypto, target, layout, rows);
    await writeSealed(tx, layout, sealed);
    const reasons = new Map(refused.map((one) => [one.rowId, one]));
    const findings = await compare(deps, tx, work, await lockHeldIds(tx, layout, ids));
    return findings.map((one) => reasons.get(one.rowId) ?? one);
  });
}

async function compare(
  deps: ColumnDeps,
  tx: Tx,
  work: Work,
  rows: readonly HeldRow[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const sealed: HeldRow[] = [];
  for (const row of rows) {
    if (row.ciphertext === null) findings.push({ rowId: row.id, what: 'missing' });
    else if (!row.hasPlain) findings.push({ rowId: row.id, what: 'ciphertext_alone' });
    else sealed.push(row);
  }
  const opened = await openEach(deps, tx, work, sealed, findings);
  const differing = await selectDiffering(tx, work.layout, opened);
  for (const { id } of opened) if (differing.has(id)) findings.push({ rowId: id, what: 'differs' });
  const equal = new Set(opened.map(({ id }) => id).filter((id) => !differing.has(id)));
  findings.push(
    ...(await compareIndexes(
      deps,
      tx,
      work,
      sealed.filter(({ id }) => equal.has(id)),
    )),
  );
  return findings;
}

type OpenedText = { readonly id: string; readonly text: string };

async function openEach(
  deps: ColumnDeps,
  tx: Tx,
  work: Work,
  rows: readonly HeldRow[],
  findings: Finding[],
): Promise<readonly OpenedText[]> {
  try {
    return textsOf(work, rows, await openAll(deps, tx, work, rows), findings);
  } catch (error) {
    if (!isGatehouseError(error) || error.code !== 'ERR_CRYPTO_DECRYPT') throw error;
  }
  const texts: OpenedText[] = [];
  for (const row of rows) {
    try {
      texts.push(...textsOf(work, [row], await openAll(deps, tx, work, [row]), findings));
    } catch (error) {
      if (!isGatehouseError(error) || error.code !== 'ERR_CRYPTO_DECRYPT') throw error;
      findings.push({ rowId: row.id, what: 'unreadable' });
    }
  }
  return texts;
}

function openAll(
  deps: ColumnDeps,
  tx: Tx,
  { target, layout }: Work,
  rows: readonly HeldRow[],
): Promise<readonly Row[]> {
  const { plan } = target;
  const physical = rows.map((row) => ({
    [plan.rowIdField]: row.id,
    ...(plan.subjectField === null ? {} : { [plan.subjectField]: row.subject }),
    [layout.ciphertextColumn]: row.ciphertext,
  }));
  return deps.crypto.openRows(
    tx,
    plan,
    physical,
    plan.fields.map(({ field }) => field),
  );
}

function textsOf(
  { target }: Work,
  rows: readonly HeldRow[],
  opened: readonly Row[],
  findings: Finding[],
): OpenedText[] {
  const [field] = target.plan.fields;
  if (field === undefined) return [];
  return rows.flatMap(({ id }, at): OpenedText[] => {
    const value = opened[at]?.[field.field];
    if (field.type !== 'json' && typeof value === 'object') {
      findings.push({ rowId: id, what: 'person_erased' });
      return [];
    }
    return [{ id, text: textOfOpened(field, value) }];
  });
}

async function compareIndexes(
  deps: ColumnDeps,
  tx: Tx,
  { target, layout }: Work,
  rows: readonly HeldRow[],
): Promise<readonly Finding[]> {
  const { plan } = target;
  const [field] = plan.fields;
  if (field === undefined || layout.indexColumns.length === 0 || rows.length === 0) return [];
  const logical = rows.map((row) => ({
    [plan.rowIdField]: row.id,
    ...(plan.subjectField === null ? {} : { [plan.subjectField]: row.subject }),
    [field.field]: logicalValue(field, row.plain ?? ''),
  }));
  const expected = await deps.crypto.sealRows(tx, plan, logical);
  return rows.flatMap(({ id, indexes }, at): Finding[] => {
    const wrong = layout.indexColumns.some((column, index) => {
      const wanted = expected[at]?.[column];
      const held = indexes[index] ?? null;
      return Buffer.isBuffer(wanted) ? held === null || !wanted.equals(held) : held !== null;
    });
    return wrong ? [{ rowId: id, what: 'index_differs' }] : [];
  });
}

async function keepLease(deps: ColumnDeps, work: Work, found: Found, verifiedAt: Date | null): Promise<void> {
  const { tenantId } = work;
  await deps.database.withTenant(tenantId, (tx) => writeFound(deps, tx, work, found, verifiedAt));
}

async function writeFound(
  deps: ColumnDeps,
  tx: Tx,
  { tenantId, migration, token }: Work,
  { checked, differing, findings }: Found,
  verifiedAt: Date | null,
): Promise<void> {
  const values = [tenantId, migration.id, token, checked, differing, JSON.stringify(findings)];
  const { rowCount } = await tx.query(writeVerification, [
    ...values,
    leaseEnd(deps),
    verifiedAt,
    deps.clock.now(),
  ]);
  if (rowCount !== 1) throw lostLease();
}

async function conclude(deps: ColumnDeps, work: Work, found: Found, actor: Actor): Promise<VerifyReport> {
  const { checked, differing, findings, complete } = found;
  return deps.database.withTenant(work.tenantId, async (tx) => {
    const now = await readMigration(tx, work.migration.id);
    const good = complete && differing === 0;
    await writeFound(deps, tx, work, found, good ? deps.clock.now() : null);
    const { id: migrationId, service, collection, field } = now;
    const state = good ? nextState(now.state, 'verify') : now.state === 'verified' ? 'backfilled' : now.state;
    if (complete)
      await deps.audit().append(tx, {
        definition: columnVerified,
        tenantId: tx.tenantId,
        outcome: good ? 'success' : 'failure',
        ...(good ? {} : { reason: 'rows_differ' }),
        actor,
        targets: [{ type: 'crypto.column_migration', id: migrationId }],
        detail: { migrationId, service, collection, field, checked, differing },
      });
    if (state !== null) await moveTo(deps, tx, now, state, actor);
    return { state: state ?? now.state, checked, differing, findings };
  });
}
