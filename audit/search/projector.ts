import { exactlyOne, type Database, type Tx } from '../../db/index.ts';
import type { Logger, TenantId } from '../../kernel/index.ts';
import { parseLeafBody } from '../leaf.ts';
import { listLogs } from '../list-logs.ts';
import { readDetail } from '../read-detail.ts';
import {
  emptySearchEntries,
  insertSearchEntries,
  lockSearchCursor,
  moveSearchCursor,
  resetSearchCursor,
  selectSearchLag,
  selectToProject,
} from './store.ts';
import { tenantPrefix, termsOf } from './terms.ts';

/** Follows the logs and keeps what search needs. Any number may run; the cursor keeps them apart. */
export type Projector = {
  /** One round over all logs. @returns entries projected */
  readonly tick: () => Promise<number>;
  /** Projects one log to its end, or as far as `maxEntries` go. */
  readonly catchUp: (tenantId: TenantId, maxEntries?: number) => Promise<number>;
  /** Forgets the projection of a log, so that it is made again. */
  readonly reset: (tx: Tx) => Promise<void>;
};

const entriesPerTransaction = 1_000;
const separator = '\u0001';

/** Makes the part. */
export function createProjector(deps: { readonly database: Database; readonly logger: Logger }): Projector {
  const { database, logger } = deps;
  const step = (tenantId: TenantId): Promise<number> => database.withTenant(tenantId, projectSome);
  const catchUp = async (tenantId: TenantId): Promise<number> => {
    for (let done = 0; ;) {
      const count = await step(tenantId);
      done += count;
      if (count < entriesPerTransaction) return done;
    }
  };
  return Object.freeze({
    catchUp,
    tick: async () => {
      let done = 0;
      for (const { tenantId } of await listLogs(database)) {
        try {
          if (await isBehind(database, tenantId)) done += await step(tenantId);
        } catch (error) {
          logger.error('a log could not be projected for search; the next round tries again', {
            error,
            tenantId,
          });
        }
      }
      return done;
    },
    reset: async (tx: Tx) => {
      await tx.query(lockSearchCursor, [tx.tenantId]);
      await tx.query(emptySearchEntries, [tx.tenantId]);
      await tx.query(resetSearchCursor, [tx.tenantId]);
    },
  });
}

async function projectSome(tx: Tx): Promise<number> {
  const { nextSeq } = exactlyOne(
    await tx.query<{ nextSeq: number }>(lockSearchCursor, [tx.tenantId]),
    'cursor',
  );
  const { rows } = await tx.query<{ seq: number; body: Buffer }>(selectToProject, [
    tx.tenantId,
    nextSeq,
    entriesPerTransaction,
  ]);
  const last = rows.at(-1);
  if (last === undefined) return 0;
  const prefix = tenantPrefix(tx.tenantId);
  const terms: string[] = [];
  for (const { body } of rows) {
    const parsed = parseLeafBody(body);
    const found = termsOf(parsed, await readDetail(tx, parsed));
    terms.push(found.map((term) => prefix + term.replaceAll(separator, ' ')).join(separator));
  }
  await tx.query(insertSearchEntries, [tx.tenantId, rows.map(({ seq }) => seq), terms]);
  await tx.query(moveSearchCursor, [tx.tenantId, last.seq + 1]);
  return rows.length;
}

async function isBehind(database: Database, tenantId: TenantId): Promise<boolean> {
  const result = await database.withTenant(
    tenantId,
    (tx) => tx.query<{ lag: number }>(selectSearchLag, [tenantId]),
    { readOnly: true },
  );
  return exactlyOne(result, 'lag').lag > 0;
}
