import type { Approved } from '../../crypto/index.ts';
import type { Database, Tx } from '../../db/index.ts';
import {
  invalidRequest,
  notFound,
  type AuditSink,
  type Clock,
  type NewId,
  type Principal,
  type SubjectId,
} from '../../kernel/index.ts';
import { auditError } from '../errors.ts';
import { holdPlaced, holdReleased } from './events.ts';
import type { HoldScope, NewHold } from './schema.ts';
import {
  insertHold,
  insertHoldRelease,
  selectHeldSubjects,
  selectHold,
  selectHolds,
  shareHoldLock,
  takeHoldLock,
} from './store-holds.ts';

/** A hold as people see it. */
export type Hold = {
  readonly id: string;
  readonly scope: HoldScope;
  readonly reason: string;
  readonly until: Date | null;
  readonly placedBy: string;
  readonly placedAt: Date;
  readonly releasedAt: Date | null;
  readonly approvedBy: string | null;
  /** Whether it still blocks pruning and shredding. */
  readonly active: boolean;
};

/** A person whose keys must stay, and the hold that says so. */
export type HeldSubject = {
  readonly subjectId: string;
  readonly holdId: string;
  readonly until: Date | null;
};

/** Legal holds: what they name is neither pruned nor made unreadable. */
export type Holds = {
  /** Waits until no pruning and no shredding of the tenant is under way. @throws ERR_INVALID_REQUEST */
  readonly place: (tx: Tx, by: Principal, hold: NewHold) => Promise<Hold>;
  /** Newest first. */
  readonly list: (
    tx: Tx,
    page: { readonly after: string | null; readonly limit: number; readonly active: boolean },
  ) => Promise<readonly Hold[]>;
  /** @throws ERR_NOT_FOUND */
  readonly read: (tx: Tx, id: string) => Promise<Hold>;
  /** Executor of `audit.release_hold`. */
  readonly release: (approved: Approved) => Promise<unknown>;
  /** Of some people those under a hold; until the transaction ends no hold is placed. */
  readonly held: (tx: Tx, subjectIds: readonly SubjectId[]) => Promise<readonly HeldSubject[]>;
  /** @throws ERR_AUDIT_HELD when one of them is under a hold */
  readonly requireFree: (tx: Tx, subjectIds: readonly SubjectId[]) => Promise<void>;
};

/** What it needs. */
export type HoldsDeps = {
  readonly database: Database;
  readonly audit: () => AuditSink<Tx>;
  readonly clock: Clock;
  readonly newId: NewId;
};

type Row = {
  readonly id: string;
  readonly kind: HoldScope['kind'];
  readonly subjectId: string | null;
  readonly actorId: string | null;
  readonly fromAt: Date | null;
  readonly toAt: Date | null;
  readonly reason: string;
  readonly until: Date | null;
  readonly placedBy: string;
  readonly placedAt: Date;
  readonly releasedAt: Date | null;
  readonly approvedBy: string | null;
};

/** Makes the part. */
export function createHolds(deps: HoldsDeps): Holds {
  const { clock } = deps;
  const read = async (tx: Tx, id: string): Promise<Hold> => {
    const { rows } = await tx.query<Row>(selectHold, [tx.tenantId, id]);
    if (rows[0] === undefined) throw notFound('hold', id);
    return viewHold(rows[0], clock.now());
  };
  const held = async (tx: Tx, subjectIds: readonly SubjectId[]): Promise<readonly HeldSubject[]> => {
    if (subjectIds.length === 0) return [];
    await tx.query(shareHoldLock, [tx.tenantId]);
    const values = [tx.tenantId, [...new Set(subjectIds)], clock.now()];
    return (await tx.query<HeldSubject>(selectHeldSubjects, values)).rows;
  };
  return Object.freeze({
    place: async (tx, by, hold) => {
      const id = await place(tx, deps, by, hold);
      return read(tx, id);
    },
    list: async (tx, { after, limit, active }) => {
      const now = clock.now();
      const { rows } = await tx.query<Row>(selectHolds, [tx.tenantId, after, limit, active ? now : null]);
      return rows.map((row) => viewHold(row, now));
    },
    read,
    release: (approved) => release(deps, read, approved),
    held,
    requireFree: async (tx, subjectIds) => {
      const [first] = await held(tx, subjectIds);
      if (first !== undefined)
        throw auditError(
          'ERR_AUDIT_HELD',
          `the keys of ${first.subjectId} are kept: legal hold ${first.holdId}; they can be destroyed when it is released`,
          { details: { subjectId: first.subjectId, holdId: first.holdId } },
        );
    },
  } satisfies Holds);
}

async function place(tx: Tx, deps: HoldsDeps, by: Principal, hold: NewHold): Promise<string> {
  const now = deps.clock.now();
  const { scope, reason } = hold;
  const until = hold.until ?? null;
  if (until !== null && until <= now) throw invalidRequest('"until" must lie in the future, or be left out');
  if (scope.kind === 'time' && scope.from >= scope.to) throw invalidRequest('"from" must be before "to"');
  await tx.query(takeHoldLock, [tx.tenantId]);
  const id = deps.newId();
  const time = scope.kind === 'time' ? scope : null;
  await tx.query(insertHold, [
    tx.tenantId,
    id,
    scope.kind,
    scope.kind === 'subject' ? scope.subjectId : null,
    scope.kind === 'actor' ? scope.actorId : null,
    time?.from ?? null,
    time?.to ?? null,
    reason,
    until,
    by.id,
    now,
  ]);
  await deps.audit().append(tx, {
    definition: holdPlaced,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: by,
    targets: [{ type: 'audit.hold', id }],
    ...(scope.kind === 'subject' ? { subjects: [scope.subjectId as SubjectId] } : {}), // its schema demands a uuid
    detail: { holdId: id, scope: scopeText(scope), reason, until: until?.toISOString() ?? null },
  });
  return id;
}

async function release(
  { database, audit, clock }: HoldsDeps,
  read: (tx: Tx, id: string) => Promise<Hold>,
  { tenantId, payload, proposedBy, approvedBy, proposalId }: Approved,
): Promise<unknown> {
  const { holdId } = payload as { readonly holdId: string }; // the route's own payload, kept under its digest
  return database.withTenant(tenantId, async (tx) => {
    await read(tx, holdId);
    const values = [tenantId, holdId, proposalId, proposedBy, approvedBy.id, clock.now()];
    const { rowCount } = await tx.query(insertHoldRelease, values);
    if (rowCount === 0) throw auditError('ERR_AUDIT_HELD', `the hold ${holdId} was released before`);
    await audit().append(tx, {
      definition: holdReleased,
      tenantId,
      outcome: 'success',
      actor: approvedBy,
      targets: [{ type: 'audit.hold', id: holdId }],
      detail: { holdId, approvalId: proposalId, proposedBy },
    });
    return { holdId, released: true };
  });
}

/** The scope without its type, for the record. */
function scopeText(scope: HoldScope): string {
  switch (scope.kind) {
    case 'log':
      return 'log';
    case 'subject':
      return `subject ${scope.subjectId}`;
    case 'actor':
      return `actor ${scope.actorId}`;
    case 'time':
      return `time ${scope.from.toISOString()} to ${scope.to.toISOString()}`;
  }
}

function viewHold(row: Row, now: Date): Hold {
  const { id, reason, until, placedBy, placedAt, releasedAt, approvedBy } = row;
  const active = releasedAt === null && (until === null || until > now);
  return { id, scope: scopeOf(row), reason, until, placedBy, placedAt, releasedAt, approvedBy, active };
}

function scopeOf({ kind, subjectId, actorId, fromAt, toAt }: Row): HoldScope {
  if (kind === 'subject') return { kind, subjectId: subjectId ?? '' };
  if (kind === 'actor') return { kind, actorId: actorId ?? '' };
  if (kind === 'time') return { kind, from: fromAt ?? new Date(0), to: toAt ?? new Date(0) };
  return { kind: 'log' };
}
