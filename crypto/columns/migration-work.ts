import { exactlyOne, type Database, type Tx } from '../../db/index.ts';
import { notFound, type AuditSink, type Clock, type NewId, type TenantId } from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';
import type { Actor, Crypto } from '../types.ts';
import type { ColumnTarget, ColumnTargets } from './column-target.ts';
import { columnStateChanged } from './events.ts';
import { nextState, stepsFrom, type ColumnState, type ColumnStep } from './states.ts';
import {
  changeState,
  leaveLease,
  selectLayout,
  selectMigration,
  takeLease,
  type StoredLayout,
  type StoredMigration,
} from './store.ts';

/** What migrations need. */
export type ColumnDeps = {
  readonly database: Database;
  readonly crypto: Pick<Crypto, 'sealRows' | 'openRows' | 'warm'>;
  readonly audit: () => AuditSink<Tx>;
  readonly clock: Clock;
  readonly newId: NewId;
  /** Fields whose encryption is declared beside their plaintext. */
  readonly targets: ColumnTargets;
  /** Tells every replica at commit that the tenant's columns are read from another side. */
  readonly announce: (tx: Tx) => Promise<void>;
  /** How long a process may be silent before another one takes over; default 30. */
  readonly leaseSeconds?: number;
};

/** A migration that this process holds the lease of. */
export type Work = {
  readonly tenantId: TenantId;
  readonly migration: StoredMigration;
  readonly layout: StoredLayout;
  readonly target: ColumnTarget;
  readonly token: string;
};

const defaultLeaseSeconds = 30;

/** When a lease taken now ends. */
export function leaseEnd({ clock, leaseSeconds = defaultLeaseSeconds }: ColumnDeps): Date {
  return new Date(clock.now().getTime() + leaseSeconds * 1_000);
}

/** @throws ERR_NOT_FOUND also for one of another tenant */
export async function readMigration(tx: Tx, id: string): Promise<StoredMigration> {
  const { rows } = await tx.query<StoredMigration>(selectMigration, [tx.tenantId, id]);
  const [row] = rows;
  if (row === undefined) throw notFound('column migration', id);
  return row;
}

/** What was added to the table of a migration. */
export async function readLayoutOf(tx: Tx, migration: StoredMigration): Promise<StoredLayout> {
  return exactlyOne(await tx.query<StoredLayout>(selectLayout, [migration.layoutId]), 'column layout');
}

/** The layout and the target of a migration. @throws ERR_CRYPTO_COLUMN when the data map says something else now */
export async function readPlace(
  deps: Pick<ColumnDeps, 'targets'>,
  tx: Tx,
  migration: StoredMigration,
): Promise<{ readonly layout: StoredLayout; readonly target: ColumnTarget }> {
  const layout = await readLayoutOf(tx, migration);
  const target = (await deps.targets(tx)).find((one) => isTargetOf(layout, one));
  if (target === undefined)
    throw cryptoError(
      'ERR_CRYPTO_COLUMN',
      `the data map does not declare ${migration.service}.${migration.collection}.${migration.field} as it was started; load the map it was started with`,
    );
  return { layout, target };
}

/** Whether a target of the data map is what a layout was made for. */
export function isTargetOf(layout: StoredLayout, target: ColumnTarget): boolean {
  const [field] = target.plan.fields;
  const indexes = (field?.indexes ?? []).map(({ column }) => column);
  return (
    target.schema === layout.schema &&
    target.table === layout.table &&
    target.plainColumn === layout.plainColumn &&
    field?.column === layout.ciphertextColumn &&
    target.rowIdColumn === layout.rowIdColumn &&
    subjectColumnOf(target) === layout.subjectColumn &&
    JSON.stringify(indexes.toSorted()) === JSON.stringify(layout.indexColumns.toSorted())
  );
}

/** The column of the person under whose key this one field is; null when it is under the tenant's. */
export function subjectColumnOf({ plan, subjectColumn }: ColumnTarget): string | null {
  return plan.fields[0]?.scope === 'subject' ? subjectColumn : null;
}

/** The state after a step. @throws ERR_CRYPTO_COLUMN when the step is not possible */
export function requireStep(migration: StoredMigration, layout: StoredLayout, step: ColumnStep): ColumnState {
  if (layout.state !== 'prepared')
    throw cryptoError(
      'ERR_CRYPTO_COLUMN',
      layout.state === 'preparing'
        ? 'the table is not prepared yet; run "gatehouse crypto migrate-column start" to its end'
        : 'the plaintext column is being dropped, so there is no step back; run "gatehouse crypto migrate-column drop" to its end',
    );
  const next = nextState(migration.state, step);
  if (next !== null) return next;
  const possible = stepsFrom(migration.state).join(', ');
  throw cryptoError(
    'ERR_CRYPTO_COLUMN',
    `${step} is not possible in state ${migration.state}; possible are: ${possible}`,
  );
}

/** Takes the lease for a long step. @throws ERR_CRYPTO_COLUMN when the step is not possible or somebody else works on it */
export async function openWork(
  deps: ColumnDeps,
  tenantId: TenantId,
  id: string,
  step: ColumnStep,
): Promise<Work> {
  const { database, clock, newId } = deps;
  await deps.crypto.warm(tenantId);
  const token = newId();
  return database.withTenant(tenantId, async (tx) => {
    const before = await readMigration(tx, id);
    const { layout, target } = await readPlace(deps, tx, before);
    requireStep(before, layout, step);
    const { rows } = await tx.query<StoredMigration>(takeLease, [
      tenantId,
      id,
      token,
      clock.now(),
      leaseEnd(deps),
    ]);
    const [migration] = rows;
    if (migration === undefined)
      throw cryptoError(
        'ERR_CRYPTO_COLUMN',
        `another process works on it until ${before.leaseUntil?.toISOString() ?? 'later'}; wait, or look at its progress`,
      );
    return { tenantId, migration, layout, target, token };
  });
}

/** Gives the lease back, so that the next step need not wait for its end. */
export async function closeWork(
  { database }: ColumnDeps,
  { tenantId, migration, token }: Work,
): Promise<void> {
  await database.withTenant(tenantId, (tx) => tx.query(leaveLease, [tenantId, migration.id, token]));
}

/** What a writer of progress says when its row was not there: someone took over, or took the step back. */
export function lostLease(): Error {
  return cryptoError(
    'ERR_CRYPTO_COLUMN',
    'another process took over or the migration was reverted; what was done until now is kept',
  );
}

/** Changes the state, records it, and tells the replicas. @returns false when it is not in the state expected any more */
export async function moveTo(
  deps: Pick<ColumnDeps, 'audit' | 'clock' | 'announce'>,
  tx: Tx,
  migration: StoredMigration,
  to: ColumnState,
  actor: Actor,
): Promise<boolean> {
  const { id, service, collection, field, state: from, sealed } = migration;
  if (from === to) return true;
  const { rowCount } = await tx.query(changeState, [tx.tenantId, id, from, to, deps.clock.now()]);
  if (rowCount !== 1) return false;
  await deps.audit().append(tx, {
    definition: columnStateChanged,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor,
    targets: [{ type: 'crypto.column_migration', id }],
    detail: { migrationId: id, service, collection, field, from, to, sealed },
  });
  await deps.announce(tx);
  return true;
}
