import type { Tx } from '../../db/index.ts';
import { isGatehouseError, parseTenantId, type TenantId } from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';
import type { Actor } from '../types.ts';
import { backfill, type BackfillOptions, type BackfillProgress } from './backfill.ts';
import { columnDropApproved, columnStateChanged } from './events.ts';
import {
  moveTo,
  isTargetOf,
  readLayoutOf,
  readMigration,
  readPlace,
  requireStep,
  type ColumnDeps,
} from './migration-work.ts';
import { countWaiting } from './rows.ts';
import { phaseOf, type ColumnPhase, type ColumnState, type LayoutState } from './states.ts';
import {
  approveDrop,
  findMigration,
  insertMigration,
  selectMigrations,
  selectPhases,
  selectPreparedLayouts,
  selectTenants,
  type StoredLayout,
  type StoredMigration,
} from './store.ts';
import { verify, type VerifyOptions, type VerifyReport } from './verify.ts';

/** Which columns of a table are read and written, for the transaction's tenant. */
export type ColumnPhaseRow = {
  readonly schema: string;
  readonly table: string;
  readonly plainColumn: string;
  readonly phase: ColumnPhase;
};

/** Encrypting existing columns of live tables: what needs no change of a schema, tenant by tenant. */
export type ColumnMigrations = {
  readonly phases: (tx: Tx) => Promise<readonly ColumnPhaseRow[]>;
  /** By id. @param page - `after` is the id of the last one seen */
  readonly list: (
    tx: Tx,
    page: { readonly after: string | null; readonly limit: number },
  ) => Promise<readonly StoredMigration[]>;
  /** Rows that wait to be sealed now, counted up to 1,000,000. */
  readonly waiting: (tx: Tx, migration: StoredMigration) => Promise<number>;
  /** Begins for the transaction's tenant on a prepared table. @returns null when its data map does not declare the field */
  readonly start: (tx: Tx, layout: StoredLayout, actor: Actor) => Promise<StoredMigration | null>;
  readonly backfill: (tenantId: TenantId, id: string, options: BackfillOptions) => Promise<BackfillProgress>;
  readonly verify: (tenantId: TenantId, id: string, options: VerifyOptions) => Promise<VerifyReport>;
  /** From now on reads come from the ciphertext. @throws ERR_CRYPTO_COLUMN unless verified without a difference */
  readonly cutOver: (tx: Tx, id: string, actor: Actor) => Promise<StoredMigration>;
  /** One step back; plaintext is kept true until it is dropped, so nothing is lost. */
  readonly revert: (tx: Tx, id: string, actor: Actor) => Promise<StoredMigration>;
  /** What the second of two people sets off; the schema itself is changed by the administrator's command. */
  readonly approveDrop: (
    tx: Tx,
    approved: { readonly id: string; readonly proposalId: string; readonly actor: Actor },
  ) => Promise<StoredMigration>;
  /** Seals what writers left who do not know of the ciphertext. @returns rows sealed */
  readonly sweep: (tenantId: TenantId, actor: Actor) => Promise<number>;
  /** Whether any table is prepared, so that a sweep could find something. */
  readonly isAnyPrepared: () => Promise<boolean>;
  /** Ids of every tenant, for the administrator's overview. */
  readonly tenants: () => Promise<readonly TenantId[]>;
};

const waitingBound = 1_000_000;

/** @param deps - `targets` and `announce` are the data map's */
export function createColumnMigrations(deps: ColumnDeps): ColumnMigrations {
  const step = async (
    tx: Tx,
    id: string,
    name: 'cut_over' | 'revert',
    actor: Actor,
  ): Promise<StoredMigration> => {
    const migration = await readMigration(tx, id);
    const layout = await readLayoutOf(tx, migration);
    const next = requireStep(migration, layout, name);
    if (name === 'cut_over') {
      await readPlace(deps, tx, migration);
      requireVerified(migration);
    }
    if (!(await moveTo(deps, tx, migration, next, actor)))
      throw cryptoError('ERR_CRYPTO_COLUMN', 'its state changed at this moment; look at it and try again');
    return readMigration(tx, id);
  };
  return Object.freeze({
    phases: readPhases,
    list: async (tx, { after, limit }) =>
      (await tx.query<StoredMigration>(selectMigrations, [tx.tenantId, after, limit])).rows,
    waiting: async (tx, migration) => {
      if (migration.state === 'reverted') return 0;
      const layout = await readLayoutOf(tx, migration);
      return layout.state === 'prepared' ? countWaiting(tx, layout, waitingBound) : 0;
    },
    start: (tx, layout, actor) => start(deps, tx, layout, actor),
    backfill: (tenantId, id, options) => backfill(deps, tenantId, id, options),
    verify: (tenantId, id, options) => verify(deps, tenantId, id, options),
    cutOver: (tx, id, actor) => step(tx, id, 'cut_over', actor),
    revert: (tx, id, actor) => step(tx, id, 'revert', actor),
    approveDrop: (tx, approved) => approve(deps, tx, approved),
    sweep: (tenantId, actor) => sweep(deps, tenantId, actor),
    tenants: async () => {
      const { rows } = await deps.database.withSystem((tx) =>
        tx.query<{ id: string }>(selectTenants, [null]),
      );
      return rows.map(({ id }) => parseTenantId(id));
    },
    isAnyPrepared: async () =>
      (await deps.database.withSystem((tx) => tx.query(selectPreparedLayouts))).rows.length > 0,
  } satisfies ColumnMigrations);
}

type PhaseRow = Omit<ColumnPhaseRow, 'phase'> & {
  readonly layoutState: LayoutState;
  readonly state: ColumnState | null;
};

/** The phases of every prepared table, for the data map. */
export async function readPhases(tx: Tx): Promise<readonly ColumnPhaseRow[]> {
  const { rows } = await tx.query<PhaseRow>(selectPhases, [tx.tenantId]);
  return rows.map(({ schema, table, plainColumn, layoutState, state }) => ({
    schema,
    table,
    plainColumn,
    phase: phaseOf(layoutState, state),
  }));
}

async function start(
  deps: ColumnDeps,
  tx: Tx,
  layout: StoredLayout,
  actor: Actor,
): Promise<StoredMigration | null> {
  const target = (await deps.targets(tx)).find((one) => isTargetOf(layout, one));
  if (target === undefined) return null;
  const { service, collection, fields } = target.plan;
  const field = fields[0]?.field ?? '';
  const id = deps.newId();
  const made = await tx.query(insertMigration, [
    tx.tenantId,
    id,
    layout.id,
    service,
    collection,
    field,
    deps.clock.now(),
  ]);
  const [migration] = (await tx.query<StoredMigration>(findMigration, [tx.tenantId, layout.id])).rows;
  if (migration === undefined) return null;
  if (made.rowCount === 0) {
    await moveTo(deps, tx, migration, requireStep(migration, layout, 'start'), actor);
    return readMigration(tx, migration.id);
  }
  await deps.audit().append(tx, {
    definition: columnStateChanged,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor,
    targets: [{ type: 'crypto.column_migration', id }],
    detail: { migrationId: id, service, collection, field, from: 'none', to: 'dual_write', sealed: 0 },
  });
  await deps.announce(tx);
  return migration;
}

function requireVerified({ verifiedAt, differing }: StoredMigration): void {
  if (verifiedAt === null || differing > 0)
    throw cryptoError('ERR_CRYPTO_COLUMN', 'it was not verified without a difference; run verify first');
}

async function approve(
  deps: ColumnDeps,
  tx: Tx,
  { id, proposalId, actor }: { readonly id: string; readonly proposalId: string; readonly actor: Actor },
): Promise<StoredMigration> {
  const migration = await readMigration(tx, id);
  requireDroppable(migration);
  if ((await tx.query(approveDrop, [tx.tenantId, id, deps.clock.now(), proposalId])).rowCount !== 1)
    throw cryptoError('ERR_CRYPTO_COLUMN', 'its state changed at this moment; look at it and try again');
  const { service, collection, field } = migration;
  await deps.audit().append(tx, {
    definition: columnDropApproved,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor,
    targets: [{ type: 'crypto.column_migration', id }],
    detail: { migrationId: id, service, collection, field, proposalId },
  });
  return readMigration(tx, id);
}

/** @throws ERR_CRYPTO_COLUMN unless reads come from the ciphertext */
export function requireDroppable({ state }: StoredMigration): void {
  if (state !== 'cut_over')
    throw cryptoError(
      'ERR_CRYPTO_COLUMN',
      `the plaintext is dropped after the cut-over; it is in state ${state}`,
    );
}

async function sweep(deps: ColumnDeps, tenantId: TenantId, actor: Actor): Promise<number> {
  const { rows } = await deps.database.withTenant(tenantId, (tx) =>
    tx.query<StoredMigration>(selectMigrations, [tenantId, null, 100]),
  );
  let sealed = 0;
  for (const { id, state } of rows) {
    // The first backfill is begun by a person, at an hour of theirs.
    if (state === 'reverted' || state === 'dual_write') continue;
    try {
      sealed += (await backfill(deps, tenantId, id, { actor })).sealed;
    } catch (error) {
      if (!isGatehouseError(error) || error.code !== 'ERR_CRYPTO_COLUMN') throw error; // somebody works on it
    }
  }
  return sealed;
}
