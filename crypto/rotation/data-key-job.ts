import type { Tx } from '../../db/index.ts';
import type { SealedTable, SealedTables } from '../sealed-table.ts';
import { countCurrentKeys } from '../store-rotation.ts';
import { compilePlan } from '../plan.ts';
import type { KeyJob, KeyJobTarget, Part } from './key-job.ts';
import { renewKeys, type RenewDeps } from './renew-keys.ts';
import { columnsIn, countRows, resealBatch, type ResealDeps, type ResealScope } from './reseal.ts';

/** What replacing data keys and sealing their values again needs. */
export type DataKeyJobDeps = RenewDeps & ResealDeps & { readonly tables: SealedTables };

/** Where a pass over the tables stands. */
type Position = {
  /** `schema.table`; null before the first. */
  readonly table: string | null;
  readonly after: string | null;
  readonly pass: number;
  /** Something of this pass has to be looked at again. */
  readonly again: boolean;
};

const keysPerPart = 500;
const rowsPerPart = 500;
/** After so many passes what is left is left: it opens under its older key. */
const maxPasses = 20;
const pauseBetweenPasses = 250;
const firstPosition: Position = Object.freeze({ table: null, after: null, pass: 1, again: false });

type Selection = {
  readonly subjectId: string | null;
  readonly purpose: string | null;
  readonly before: Date | null;
};

/** What a target selects among the current keys. */
export function selectionOf(target: KeyJobTarget): Selection {
  return {
    subjectId: 'subjectId' in target ? target.subjectId : null,
    purpose: 'purpose' in target ? target.purpose : null,
    before: 'before' in target ? new Date(target.before) : null,
  };
}

/** How many current keys a target selects. */
export async function countSelected(tx: Tx, target: KeyJobTarget): Promise<number> {
  const { subjectId, purpose, before } = selectionOf(target);
  const { rows } = await tx.query<{ count: number }>(countCurrentKeys, [
    tx.tenantId,
    subjectId,
    purpose,
    before,
  ]);
  return rows[0]?.count ?? 0;
}

/** One part: first the keys are replaced, in the order of their ids; then the values walk over. */
export function dataKeyPart(tx: Tx, deps: DataKeyJobDeps, job: KeyJob): Promise<Part> {
  return job.phase === 'keys' ? keysPart(tx, deps, job) : valuesPart(tx, deps, job);
}

async function keysPart(tx: Tx, deps: DataKeyJobDeps, job: KeyJob): Promise<Part> {
  const { afterKid } = (job.position ?? { afterKid: null }) as { readonly afterKid: string | null }; // written below
  const selection = selectionOf(job.target);
  const which = {
    ...selection,
    // One person or purpose has keys that are made now: only those older than the job are meant.
    before: selection.before ?? job.startedAt,
    kids: null,
    afterKid: afterKid === null ? null : Buffer.from(afterKid, 'hex'),
    limit: keysPerPart,
  };
  const replaced = await renewKeys(tx, deps, which);
  if (replaced.length === keysPerPart)
    return {
      phase: 'keys',
      position: { afterKid: replaced.at(-1)?.toString('hex') ?? null },
      done: replaced.length,
    };
  const scope = scopeOf(job);
  let total = 0;
  for (const table of await tablesIn(tx, deps, scope)) total += await countRows(tx, table, scope);
  return { phase: 'values', position: firstPosition, done: 0, total };
}

const scopeOf = (job: KeyJob): ResealScope => {
  const { subjectId, purpose } = selectionOf(job.target);
  return { subjectId, purpose };
};

async function tablesIn(tx: Tx, deps: DataKeyJobDeps, scope: ResealScope): Promise<readonly SealedTable[]> {
  const tables = await deps.tables(tx);
  return tables
    .filter(({ plan }) => columnsIn(compilePlan(plan, tx.tenantId), scope).length > 0)
    .toSorted((left, right) => (nameOf(left) < nameOf(right) ? -1 : 1));
}

const nameOf = ({ schema, table }: SealedTable): string => `${schema}.${table}`;

/** One batch of one table; a pass that found nothing to do is the last. */
async function valuesPart(tx: Tx, deps: DataKeyJobDeps, job: KeyJob): Promise<Part> {
  const at = (job.position ?? firstPosition) as Position; // written below
  const scope = scopeOf(job);
  const tables = await tablesIn(tx, deps, scope);
  const table = tables.find((one) => at.table === null || nameOf(one) >= at.table);
  if (table === undefined) {
    const finished = !at.again || at.pass >= maxPasses;
    const position = { ...firstPosition, pass: at.pass + 1 };
    return {
      phase: 'values',
      position,
      done: 0,
      finished,
      ...(finished ? {} : { waitMilliseconds: pauseBetweenPasses }),
    };
  }
  const after = nameOf(table) === at.table ? at.after : null;
  const batch = await resealBatch(tx, deps, table, scope, { after, limit: rowsPerPart });
  const again = at.again || batch.skipped > 0 || batch.resealed > 0;
  // With this behind it a name sorts after the table itself and before every other.
  const next = batch.last === null ? `${nameOf(table)}\u0001` : nameOf(table);
  const done = at.pass === 1 ? batch.seen : 0;
  return { phase: 'values', position: { ...at, table: next, after: batch.last, again }, done };
}
