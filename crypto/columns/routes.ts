import { z } from 'zod';
import type { Database, Tx } from '../../db/index.ts';
import {
  defineRoute,
  invalidRequest,
  requirePrincipal,
  type AnyRoute,
  type Logger,
  type Principal,
} from '../../kernel/index.ts';
import type { DualControl } from '../control/dual-control.ts';
import { awaitingSchema, awaitingSecondPerson } from '../control/schema.ts';
import { requireDroppable, type ColumnMigrations } from './column-migrations.ts';
import { readMigration } from './migration-work.ts';
import {
  backfillBodySchema,
  dropBodySchema,
  migrationPageSchema,
  migrationSchema,
  migrationsSchema,
  workSchema,
} from './schema.ts';
import type { StoredMigration } from './store.ts';

/** What the routes need. */
export type ColumnRoutesDeps = {
  readonly database: Database;
  readonly columns: ColumnMigrations;
  readonly dualControl: DualControl;
  /** Told when a step stops behind an answer already given. */
  readonly logger: Logger;
  /** How long a long step is waited for before it goes on behind the answer; default 10,000. */
  readonly waitMilliseconds?: number;
};

/** Name of the action that two people approve. */
export const dropPlaintextAction = 'crypto.drop_plaintext';

const path = '/v1/crypto/column-migrations';
const idParams = z.object({ id: z.uuid() });
const security = { kind: 'principal', action: 'crypto.migrate_column' } as const;
const stepUp = { level: 2, maxAgeSeconds: 300 } as const;
const defaultWait = 10_000;

/** `/v1/crypto/column-migrations`: the steps that need no change of a schema. */
export function createColumnRoutes(deps: ColumnRoutesDeps): readonly AnyRoute[] {
  return [listRoute(deps), backfillRoute(deps), verifyRoute(deps), ...stepRoutes(deps), dropRoute(deps)];
}

async function bodyOf(
  deps: ColumnRoutesDeps,
  tx: Tx,
  one: StoredMigration,
): Promise<z.infer<typeof migrationSchema>> {
  const waiting = await deps.columns.waiting(tx, one);
  const { rowsPerSecond } = one;
  return {
    id: one.id,
    service: one.service,
    collection: one.collection,
    field: one.field,
    state: one.state,
    sealed: one.sealed,
    waiting,
    rowsPerSecond,
    remainingSeconds: waiting === 0 ? 0 : rowsPerSecond === 0 ? null : Math.ceil(waiting / rowsPerSecond),
    checked: one.checked,
    differing: one.differing,
    findings: [...one.findings],
    verifiedAt: one.verifiedAt?.toISOString() ?? null,
    workedOnUntil: one.leaseUntil?.toISOString() ?? null,
    dropApprovedAt: one.dropApprovedAt?.toISOString() ?? null,
    createdAt: one.createdAt.toISOString(),
    changedAt: one.changedAt.toISOString(),
  };
}

function listRoute(deps: ColumnRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'GET',
    path,
    operationId: 'listColumnMigrations',
    summary:
      'Columns of this tenant that are being encrypted: state, progress, rate, and rows that differ by id',
    security: { kind: 'principal', action: 'crypto.read' },
    audit: { kind: 'none', reason: 'counts, states and row ids; no value of any row' },
    request: { query: migrationPageSchema },
    responses: { 200: { description: 'A page of migrations', schema: migrationsSchema } },
    handler: async ({ principal, query }) => {
      const { tenantId } = requirePrincipal(principal);
      return deps.database.withTenant(
        tenantId,
        async (tx) => {
          const found = await deps.columns.list(tx, {
            after: readCursor(query.cursor),
            limit: query.limit + 1,
          });
          const last = found.length > query.limit ? found[query.limit - 1] : undefined;
          const items: z.infer<typeof migrationSchema>[] = [];
          for (const one of found.slice(0, query.limit)) items.push(await bodyOf(deps, tx, one));
          const nextCursor = last === undefined ? null : Buffer.from(last.id, 'utf8').toString('base64url');
          return { status: 200, body: { items, nextCursor } };
        },
        { readOnly: true },
      );
    },
  });
}

function readCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const id = z.uuid().safeParse(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (!id.success) throw invalidRequest('the cursor is not one that this list gave; start without a cursor');
  return id.data;
}

const finished = { description: 'The step has ended', schema: workSchema } as const;
const running = {
  description: 'The step goes on; the list shows how far it is',
  schema: workSchema,
} as const;

function backfillRoute(deps: ColumnRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: `${path}/{id}/backfill`,
    operationId: 'backfillColumnMigration',
    summary: 'Seal every row that is not sealed yet, in small batches; carries an interrupted one on',
    security,
    audit: { kind: 'event', actions: ['crypto.column_state_changed'] },
    request: { params: idParams, body: backfillBodySchema },
    responses: { 200: finished, 202: running },
    handler: async ({ principal, params, body }) => {
      const actor = requirePrincipal(principal);
      const { batchSize, pauseMilliseconds } = body;
      const choices = {
        ...(batchSize === undefined ? {} : { batchSize }),
        ...(pauseMilliseconds === undefined ? {} : { pauseMilliseconds }),
      };
      const work = deps.columns.backfill(actor.tenantId, params.id, { actor, ...choices });
      return waitFor(deps, actor, params.id, work);
    },
  });
}

function verifyRoute(deps: ColumnRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: `${path}/{id}/verify`,
    operationId: 'verifyColumnMigration',
    summary: 'Open every ciphertext and compare it with its plaintext; rows that differ are named by id',
    security,
    audit: { kind: 'event', actions: ['crypto.column_verified', 'crypto.column_state_changed'] },
    request: { params: idParams },
    responses: { 200: finished, 202: running },
    handler: async ({ principal, params }) => {
      const actor = requirePrincipal(principal);
      return waitFor(deps, actor, params.id, deps.columns.verify(actor.tenantId, params.id, { actor }));
    },
  });
}

/** Waits a while; a longer step goes on behind the answer, and a later call carries it on if it died. */
async function waitFor(
  deps: ColumnRoutesDeps,
  { tenantId }: Principal,
  id: string,
  work: Promise<unknown>,
): Promise<{ status: number; body: z.infer<typeof workSchema> }> {
  const timer = Promise.withResolvers<null>();
  const timeout = setTimeout(() => timer.resolve(null), deps.waitMilliseconds ?? defaultWait);
  const done = await Promise.race([work, timer.promise]).finally(() => clearTimeout(timeout));
  if (done === null)
    work.catch((error: unknown) =>
      deps.logger.error('a column migration stopped; calling the step again carries it on', {
        error,
        tenantId,
      }),
    );
  const migration = await deps.database.withTenant(tenantId, async (tx) =>
    bodyOf(deps, tx, await readMigration(tx, id)),
  );
  return done === null
    ? { status: 202, body: { work: 'running', migration } }
    : { status: 200, body: { work: 'finished', migration } };
}

function stepRoutes(deps: ColumnRoutesDeps): readonly AnyRoute[] {
  const step = (name: 'cut-over' | 'revert', operationId: string, summary: string): AnyRoute =>
    defineRoute({
      method: 'POST',
      path: `${path}/{id}/${name}`,
      operationId,
      summary,
      security: { ...security, stepUp },
      audit: { kind: 'event', actions: ['crypto.column_state_changed'] },
      request: { params: idParams },
      responses: { 200: { description: 'The migration as it is now', schema: migrationSchema } },
      handler: async ({ principal, params }) => {
        const actor = requirePrincipal(principal);
        const { cutOver, revert } = deps.columns;
        const body = await deps.database.withTenant(actor.tenantId, async (tx) =>
          bodyOf(deps, tx, await (name === 'cut-over' ? cutOver : revert)(tx, params.id, actor)),
        );
        return { status: 200, body };
      },
    });
  return [
    step(
      'cut-over',
      'cutOverColumnMigration',
      'Read from the ciphertext from now on; plaintext is still written, so that it can be reverted',
    ),
    step(
      'revert',
      'revertColumnMigration',
      'Go one step back; plaintext is kept true until it is dropped, so nothing is lost',
    ),
  ];
}

function dropRoute(deps: ColumnRoutesDeps): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: `${path}/{id}/drop`,
    operationId: 'proposeColumnDrop',
    summary:
      'Propose that the plaintext column is dropped; a second person approves, the administrator’s command drops it',
    security: { ...security, stepUp },
    audit: { kind: 'event', actions: ['crypto.approval_proposed'] },
    request: { params: idParams, body: dropBodySchema },
    responses: { 202: { description: 'A second person must approve', schema: awaitingSchema } },
    handler: async ({ principal, params, body }) => {
      const proposedBy = requirePrincipal(principal);
      const proposed = await deps.database.withTenant(proposedBy.tenantId, async (tx) => {
        const migration = await readMigration(tx, params.id);
        requireDroppable(migration);
        const { id, service, collection, field } = migration;
        const payload = { id, service, collection, field };
        return deps.dualControl.propose(tx, {
          action: dropPlaintextAction,
          payload,
          reason: body.reason,
          proposedBy,
        });
      });
      return awaitingSecondPerson(proposed);
    },
  });
}
