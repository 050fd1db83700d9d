import { exactlyOne, type Tx } from '../../db/index.ts';
import {
  invalidRequest,
  notFound,
  parseSubjectId,
  type Clock,
  type NewId,
  type Principal,
} from '../../kernel/index.ts';
import type { AuditCrypto } from '../crypto-need.ts';
import { auditError } from '../errors.ts';
import { selectLogSize } from '../sinks/store.ts';
import { nextRun } from './next-run.ts';
import type { KeptFilter, Schedule } from './schema.ts';
import { deleteView, insertView, selectView, selectViews, updateView } from './store.ts';

/** A search that somebody keeps. */
export type SavedView = {
  readonly id: string;
  readonly ownerId: string;
  readonly name: string;
  readonly shared: boolean;
  readonly filter: KeptFilter;
  readonly schedule: Schedule | null;
  readonly nextRunAt: Date | null;
  readonly lastRunAt: Date | null;
  readonly lastError: string | null;
  readonly createdAt: Date;
};
/** What a view is made of. */
export type ViewInput = Pick<SavedView, 'name' | 'shared' | 'filter' | 'schedule'>;

/** Searches that people keep. */
export type SavedViews = {
  readonly list: (tx: Tx, owner: Principal) => Promise<readonly SavedView[]>;
  /** @throws ERR_AUDIT_VIEW_EXISTS */
  readonly create: (tx: Tx, owner: Principal, input: ViewInput) => Promise<SavedView>;
  /** Only the owner's own. @throws ERR_NOT_FOUND */
  readonly replace: (tx: Tx, owner: Principal, id: string, input: ViewInput) => Promise<SavedView>;
  readonly remove: (tx: Tx, owner: Principal, id: string) => Promise<void>;
};

/** What the part needs. */
export type SavedViewsDeps = {
  readonly crypto: Pick<AuditCrypto, 'seal' | 'open'>;
  readonly clock: Clock;
  readonly newId: NewId;
};

/** Where the recipient of a view is sealed: under the key of the person it belongs to. */
export const recipientContext = (viewId: string) =>
  ({
    service: 'audit',
    collection: 'saved_view',
    field: 'recipient',
    rowId: viewId,
    purpose: 'subject',
  }) as const;

/** Makes the part. */
export function createSavedViews(deps: SavedViewsDeps): SavedViews {
  const get = async (tx: Tx, owner: Principal, id: string): Promise<SavedView> => {
    const { rows } = await tx.query<SavedView>(selectView, [id, owner.id]);
    if (rows[0] === undefined) throw notFound('view', id);
    return rows[0];
  };
  return Object.freeze({
    list: async (tx: Tx, owner: Principal) => (await tx.query<SavedView>(selectViews, [owner.id])).rows,
    create: async (tx: Tx, owner: Principal, input: ViewInput) => {
      const id = deps.newId();
      const values = [id, owner.id, ...(await valuesOf(deps, tx, owner, id, input)), deps.clock.now()];
      const { rowCount } = await tx.query(insertView, values);
      if (rowCount === 0) throw exists(input.name);
      return get(tx, owner, id);
    },
    replace: async (tx: Tx, owner: Principal, id: string, input: ViewInput) => {
      const others = await tx.query<SavedView>(selectViews, [owner.id]);
      if (others.rows.some((view) => view.ownerId === owner.id && view.name === input.name && view.id !== id))
        throw exists(input.name);
      const values = [id, owner.id, ...(await valuesOf(deps, tx, owner, id, input))];
      const { rowCount } = await tx.query(updateView, values);
      if (rowCount === 0) throw notFound('view', id);
      return get(tx, owner, id);
    },
    remove: async (tx: Tx, owner: Principal, id: string) => {
      const { rowCount } = await tx.query(deleteView, [id, owner.id]);
      if (rowCount === 0) throw notFound('view', id);
    },
  });
}

const exists = (name: string): Error =>
  auditError('ERR_AUDIT_VIEW_EXISTS', `you have a view named "${name}" already; choose another name`);

/** name, shared, filter, schedule, sealed recipient, next run, delivered to */
async function valuesOf(
  { crypto, clock }: SavedViewsDeps,
  tx: Tx,
  owner: Principal,
  id: string,
  { name, shared, filter, schedule }: ViewInput,
): Promise<readonly unknown[]> {
  const kept = [name, shared, JSON.stringify(filter)];
  if (schedule === null) return [...kept, null, null, null, null];
  if (owner.kind !== 'user' || owner.email === null)
    throw invalidRequest('a view is delivered to the mail address of its owner; your account has none');
  const scope = { kind: 'subject', subjectId: parseSubjectId(owner.id) } as const;
  const sealed = await crypto.seal(tx, scope, recipientContext(id), Buffer.from(owner.email, 'utf8'));
  const { size } = exactlyOne(await tx.query<{ size: number }>(selectLogSize), 'size');
  return [...kept, JSON.stringify(schedule), sealed, nextRun(schedule, clock.now()), size];
}
