import type { Tx } from '../../db/index.ts';
import type { KeyId } from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';
import { compilePlan, type PlannedIndex } from '../plan.ts';
import type { SealedTable, SealedTables } from '../sealed-table.ts';
import { supersedePurposeKey } from '../store-rotation.ts';
import { refillBatch, type RefillDeps } from '../search/refill.ts';
import {
  dropOlderVersions,
  insertIndexVersion,
  lockIndexVersions,
  readIndexVersions,
  startWriting,
  stopWriting,
} from '../search/store.ts';
import type { KeyJob, Part } from './key-job.ts';
import { insertForPurpose, type RenewDeps } from './renew-keys.ts';
import { countRows } from './reseal.ts';
import { isSettled } from './store.ts';

/** What rotating an index needs. */
export type BlindIndexJobDeps = RenewDeps &
  RefillDeps & {
    readonly tables: SealedTables;
    /** How long a process may use what it knows of versions; milliseconds. */
    readonly versionAge: number;
  };

/** Names one index. */
export type IndexTarget = { readonly collection: string; readonly field: string; readonly index: string };

type Position = { readonly after: string | null; readonly pass: number; readonly again: boolean };
const firstPosition: Position = Object.freeze({ after: null, pass: 1, again: false });
const rowsPerPart = 500;
const maxVersion = 255;
const waitMilliseconds = 100;
/** Between the moment that a step is written down and its commit. */
const marginMilliseconds = 250;

/**
 * One part of a rotation. announce: a new version, to be searched beside the old one. spread: until every process
 * searches both; then new values are written with the new one. switch: until every process writes it. fill: what rows
 * still hold of the old one is made anew, pass by pass until a pass finds nothing. Then the old one is dropped.
 */
export async function blindIndexPart(tx: Tx, deps: BlindIndexJobDeps, job: KeyJob): Promise<Part> {
  const target = targetOf(job);
  switch (job.phase) {
    case 'announce':
      await announce(tx, deps, target);
      return { phase: 'spread', position: null, done: 0 };
    case 'spread':
      if (!(await isSpread(tx, deps, job))) return waiting(job);
      await switchOver(tx, target);
      return { phase: 'switch', position: null, done: 0 };
    case 'switch': {
      if (!(await isSpread(tx, deps, job))) return waiting(job);
      const { table } = await findTarget(tx, deps, target);
      const total = await countRows(tx, table, { subjectId: null, purpose: null });
      return { phase: 'fill', position: firstPosition, done: 0, total };
    }
    default:
      return fill(tx, deps, job, target);
  }
}

const waiting = (job: KeyJob): Part => ({ phase: job.phase, position: null, done: 0, waitMilliseconds });

function targetOf({ target }: KeyJob): IndexTarget {
  if ('collection' in target) return target;
  throw cryptoError('ERR_CRYPTO_INPUT', 'the job names no index');
}

/** The table and the planned index. @throws ERR_CRYPTO_INPUT when the data map has none */
export async function findTarget(
  tx: Tx,
  deps: { readonly tables: SealedTables },
  { collection, field, index }: IndexTarget,
): Promise<{ readonly table: SealedTable; readonly planned: PlannedIndex }> {
  for (const table of await deps.tables(tx)) {
    if (`${table.plan.service}.${table.plan.collection}` !== collection) continue;
    const planned = compilePlan(table.plan, tx.tenantId).indexes.find(
      ({ name }) => name.field === field && name.name === index,
    );
    if (planned !== undefined) return { table, planned };
  }
  throw cryptoError(
    'ERR_CRYPTO_INPUT',
    `${collection} has no index "${index}" on field "${field}" in the data map`,
  );
}

/** Whether every process and transaction knows of the step before. */
async function isSpread(tx: Tx, deps: BlindIndexJobDeps, job: KeyJob): Promise<boolean> {
  const since = new Date(job.phaseSince.getTime() + deps.versionAge + marginMilliseconds);
  const { rows } = await tx.query<{ settled: boolean }>(isSettled, [since]);
  return rows[0]?.settled === true;
}

type VersionRow = { readonly version: number; readonly kid: Buffer; readonly state: string };

/** A new key of the purpose `index`, and a version under it that is searched but not yet written. */
async function announce(tx: Tx, deps: BlindIndexJobDeps, target: IndexTarget): Promise<void> {
  await findTarget(tx, deps, target);
  const name = [tx.tenantId, target.collection, target.field, target.index];
  const { rows: known } = await tx.query<{ first_kid: Buffer }>(readIndexVersions, [tx.tenantId]);
  const first = known[0]?.first_kid;
  const replaced = await tx.query<{ kid: Buffer }>(supersedePurposeKey, [tx.tenantId, 'index']);
  const fresh = await insertForPurpose(tx, deps, 'index');
  const kids = replaced.rows.map(({ kid }) => kid.toString('hex') as KeyId); // the column holds eight bytes
  deps.keysOf(tx).forget(kids);
  await deps.purgeKeys(tx, kids);
  if (first !== undefined) await tx.query(insertIndexVersion, [...name, 1, first, 'writing']);
  const { rows } = await tx.query<VersionRow>(lockIndexVersions, name);
  const version = Math.max(0, ...rows.map((row) => row.version)) + 1;
  if (version > maxVersion)
    throw cryptoError(
      'ERR_CRYPTO_INPUT',
      `index "${target.index}" was rotated ${maxVersion - 1} times; give it a new name`,
    );
  await tx.query(insertIndexVersion, [...name, version, fresh, rows.length === 0 ? 'writing' : 'reading']);
}

async function switchOver(tx: Tx, { collection, field, index }: IndexTarget): Promise<void> {
  const name = [tx.tenantId, collection, field, index];
  const { rows } = await tx.query<VersionRow>(lockIndexVersions, name);
  const next = rows.findLast(({ state }) => state === 'reading');
  if (next === undefined) return; // the first version of all: nothing was written before it
  await tx.query(stopWriting, name);
  await tx.query(startWriting, [...name, next.version]);
}

async function fill(tx: Tx, deps: BlindIndexJobDeps, job: KeyJob, target: IndexTarget): Promise<Part> {
  const at = (job.position ?? firstPosition) as Position; // written below
  const found = await findTarget(tx, deps, target);
  const batch = await refillBatch(tx, deps, found, { after: at.after, limit: rowsPerPart });
  const again = at.again || batch.changed > 0 || batch.skipped > 0;
  const done = at.pass === 1 ? batch.seen : 0;
  if (batch.last !== null) return { phase: 'fill', position: { ...at, after: batch.last, again }, done };
  if (again) {
    const position = { ...firstPosition, pass: at.pass + 1 };
    return { phase: 'fill', position, done, waitMilliseconds };
  }
  await tx.query(dropOlderVersions, [tx.tenantId, target.collection, target.field, target.index]);
  return { phase: 'fill', position: at, done, finished: true };
}
