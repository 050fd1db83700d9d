import { setTimeout as pause } from 'node:timers/promises';
import { withAdministrator, type Administrator, type Database, type Tx } from '../../db/index.ts';
import { parseTenantId, type AuditSink, type NewId, type TenantId } from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';
import type { Actor } from '../types.ts';
import { beginDrop, finishDrop, prepareColumn, readLayout, undoColumn } from './change-schema.ts';
import type { ColumnMigrations } from './column-migrations.ts';
import { targetName, type ColumnTarget, type ColumnTargets } from './column-target.ts';
import { columnPlaintextDropped } from './events.ts';
import { inspectColumn, type ColumnReport } from './inspect.ts';
import {
  findMigration,
  selectLayout,
  selectTenants,
  type StoredLayout,
  type StoredMigration,
} from './store.ts';

/** What the administrator's part of a migration needs. */
export type ColumnAdministrationDeps = {
  /** A role that is a member of `gatehouse_owner`. */
  readonly adminUrl: string;
  readonly database: Database;
  readonly columns: ColumnMigrations;
  readonly targets: ColumnTargets;
  readonly audit: AuditSink<Tx>;
  readonly announce: (tx: Tx) => Promise<void>;
  readonly newId: NewId;
  readonly actor: Actor;
  /** Seconds between telling the replicas that a column is no longer used and removing it; default 5. */
  readonly graceSeconds?: number;
};

/** A tenant and how far it is; null when it takes no part. */
export type TenantProgress = { readonly slug: string; readonly migration: StoredMigration | null };

/** What changes the schema of the table that all tenants share. */
export type ColumnAdministration = {
  /** @param field - `service.collection.field` @throws ERR_CRYPTO_COLUMN when no tenant's map declares it */
  readonly plan: (field: string) => Promise<ColumnReport>;
  /** Prepares the table and begins for every tenant whose data map declares the field; again it takes in new tenants. */
  readonly start: (field: string) => Promise<readonly TenantProgress[]>;
  /** Brings every tenant back to plaintext and the table back to what it was. */
  readonly revert: (field: string) => Promise<readonly TenantProgress[]>;
  /** Drops the plaintext. Killed anywhere it is carried on by the next call. */
  readonly drop: (field: string) => Promise<readonly TenantProgress[]>;
};

type Tenant = { readonly id: TenantId; readonly slug: string };

const defaultGraceSeconds = 5;
const maxSweeps = 20;

/** Joins the administrator's connection with the tenants' migrations. */
export function createColumnAdministration(deps: ColumnAdministrationDeps): ColumnAdministration {
  return Object.freeze({
    plan: async (field) => {
      const target = await requireTarget(deps, field);
      return withAdministrator(deps.adminUrl, async (admin) =>
        inspectColumn(admin, target, await readLayout(admin, target)),
      );
    },
    start: async (field) => {
      const target = await requireTarget(deps, field);
      return withAdministrator(deps.adminUrl, async (admin) => {
        const layout = await prepareColumn(admin, target, deps.newId);
        return eachTenant(deps, (tx) => deps.columns.start(tx, layout, deps.actor));
      });
    },
    revert: (field) => withAdministrator(deps.adminUrl, (admin) => revert(deps, admin, field)),
    drop: (field) => withAdministrator(deps.adminUrl, (admin) => drop(deps, admin, field)),
  } satisfies ColumnAdministration);
}

async function tenantsOf({ database }: ColumnAdministrationDeps): Promise<readonly Tenant[]> {
  const { rows } = await database.withSystem((tx) =>
    tx.query<{ id: string; slug: string }>(selectTenants, [null]),
  );
  return rows.map(({ id, slug }) => ({ id: parseTenantId(id), slug }));
}

/** One transaction for each tenant. */
async function eachTenant(
  deps: ColumnAdministrationDeps,
  work: (tx: Tx) => Promise<StoredMigration | null>,
): Promise<readonly TenantProgress[]> {
  const progress: TenantProgress[] = [];
  for (const { id, slug } of await tenantsOf(deps))
    progress.push({ slug, migration: await deps.database.withTenant(id, work) });
  return progress;
}

async function findTarget(deps: ColumnAdministrationDeps, field: string): Promise<ColumnTarget | null> {
  for (const { id } of await tenantsOf(deps)) {
    const targets = await deps.database.withTenant(id, deps.targets, { readOnly: true });
    const found = targets.find((target) => targetName(target) === field);
    if (found !== undefined) return found;
  }
  return null;
}

async function requireTarget(deps: ColumnAdministrationDeps, field: string): Promise<ColumnTarget> {
  const target = await findTarget(deps, field);
  if (target !== null) return target;
  throw cryptoError(
    'ERR_CRYPTO_COLUMN',
    `no data map declares "${field}" with a column for its ciphertext; add encryption.column to it and load the map`,
  );
}

/** The layout of a field, also when the data map does not name the plaintext any more. */
async function requireLayout(
  deps: ColumnAdministrationDeps,
  admin: Administrator,
  field: string,
): Promise<StoredLayout> {
  const target = await findTarget(deps, field);
  const known = target === null ? null : await readLayout(admin, target);
  if (known !== null) return known;
  for (const { id } of await tenantsOf(deps)) {
    const [found] = await deps.database
      .withTenant(id, (tx) => deps.columns.list(tx, { after: null, limit: 200 }))
      .then((list) => list.filter((one) => `${one.service}.${one.collection}.${one.field}` === field));
    const layouts =
      found === undefined ? [] : await admin.query<StoredLayout>(selectLayout.text, [found.layoutId]);
    if (layouts[0] !== undefined) return layouts[0];
  }
  throw cryptoError(
    'ERR_CRYPTO_COLUMN',
    `"${field}" is not being migrated; see "gatehouse crypto migrate-column status"`,
  );
}

const findIn =
  (layout: StoredLayout) =>
  async (tx: Tx): Promise<StoredMigration | null> =>
    (await tx.query<StoredMigration>(findMigration, [tx.tenantId, layout.id])).rows[0] ?? null;

async function revert(
  deps: ColumnAdministrationDeps,
  admin: Administrator,
  field: string,
): Promise<readonly TenantProgress[]> {
  const layout = await requireLayout(deps, admin, field);
  const progress = await eachTenant(deps, async (tx) => {
    let migration = await findIn(layout)(tx);
    while (migration !== null && migration.state !== 'reverted' && layout.state === 'prepared')
      migration = await deps.columns.revert(tx, migration.id, deps.actor);
    return migration;
  });
  await grace(deps);
  await undoColumn(admin, layout);
  return progress;
}

/** Replicas hear of it within a second; one that lost its notification connection forgets its maps when it reconnects. */
const grace = ({ graceSeconds = defaultGraceSeconds }: ColumnAdministrationDeps): Promise<void> =>
  pause(graceSeconds * 1_000);

async function drop(
  deps: ColumnAdministrationDeps,
  admin: Administrator,
  field: string,
): Promise<readonly TenantProgress[]> {
  const layout = await requireLayout(deps, admin, field);
  if (layout.state === 'prepared') await begin(deps, admin, layout, field);
  const tell = (): Promise<readonly TenantProgress[]> =>
    eachTenant(deps, async (tx) => {
      await deps.announce(tx);
      return findIn(layout)(tx);
    });
  if (layout.state !== 'dropped') {
    await tell();
    await grace(deps);
    await finishDrop(admin, layout);
    await eachTenant(deps, (tx) => recordDropped(deps, tx, layout));
  }
  return tell();
}

async function begin(
  deps: ColumnAdministrationDeps,
  admin: Administrator,
  layout: StoredLayout,
  field: string,
): Promise<void> {
  const target = await requireTarget(deps, field);
  const { remarks } = await inspectColumn(admin, target, layout);
  const blocked = remarks.filter(({ blocks }) => blocks === 'drop').map(({ message }) => message);
  if (blocked.length > 0)
    throw cryptoError('ERR_CRYPTO_COLUMN', `the column cannot be dropped: ${blocked.join('; ')}`);
  for (let sweeps = 0; !(await beginDrop(admin, layout)); sweeps += 1) {
    if (sweeps === maxSweeps)
      throw cryptoError(
        'ERR_CRYPTO_COLUMN',
        'rows are written all the time by a writer that does not know of the ciphertext, or cannot be sealed; see "status" and verify again',
      );
    for (const { id } of await tenantsOf(deps)) await deps.columns.sweep(id, deps.actor);
  }
}

async function recordDropped(
  deps: ColumnAdministrationDeps,
  tx: Tx,
  layout: StoredLayout,
): Promise<StoredMigration | null> {
  const migration = await findIn(layout)(tx);
  if (migration === null) return null;
  const { id: migrationId, service, collection, field } = migration;
  await deps.audit.append(tx, {
    definition: columnPlaintextDropped,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: deps.actor,
    targets: [{ type: 'crypto.column_migration', id: migrationId }],
    detail: { migrationId, service, collection, field, droppedAt: new Date().toISOString() },
    idempotencyKey: `column-dropped-${migrationId}`,
  });
  return migration;
}
