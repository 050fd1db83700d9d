import type { Audit } from '../audit/index.ts';
import { parseSubjectId, type CallContext, type Clock } from '../kernel/index.ts';
import { sqlState, sqlStates, type Tx } from '../db/index.ts';
import { dsrError } from './errors.ts';
import { stateChanged } from './events.ts';
import type { Actor } from './ports.ts';
import { subjectsOf, type RequestRow } from './request-row.ts';
import { isAllowed, isClosed, type RequestState } from './state-machine.ts';
import { insertTimeline, moveState } from './store.ts';

/** Who moves a request, and what the timeline says about it. */
export type TransitionReason = {
  readonly actor: Actor;
  readonly note?: string | null;
  readonly call?: CallContext;
};

type Ports = { readonly audit: Audit; readonly clock: Clock };

/**
 * One step of the machine: state, timeline row and audit event in the caller's transaction.
 *
 * @param row - as locked in this transaction
 * @returns the row as it is now
 * @throws ERR_DSR_TRANSITION_REFUSED
 */
export async function transition(
  ports: Ports,
  tx: Tx,
  row: RequestRow,
  to: RequestState,
  why: TransitionReason,
): Promise<RequestRow> {
  if (!isAllowed(row.type, row.state, to)) throw refused(row, to);
  const now = ports.clock.now();
  const step = [row.id, row.version, to, now, isClosed(to), ...timelineOf(why)];
  await guarded(row, to, () => tx.query(moveState, step));
  const version = row.version + 1;
  await ports.audit.append(tx, {
    definition: stateChanged,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: why.actor,
    targets: [{ type: 'dsr.request', id: row.id }],
    subjects: subjectsOf(row).map(parseSubjectId),
    detail: { requestId: row.id, from: row.state, to, version },
    ...(why.call === undefined ? {} : { call: why.call }),
    idempotencyKey: `dsr.state:${row.id}:${version}`,
  });
  return { ...row, state: to, version, closed_at: isClosed(to) ? (row.closed_at ?? now) : null };
}

/** The timeline row of a request's first state; the database refuses a state without one. */
export async function writeTimeline(
  tx: Tx,
  row: Pick<RequestRow, 'id' | 'version' | 'state'>,
  at: Date,
  why: TransitionReason,
): Promise<void> {
  await tx.query(insertTimeline, [row.id, row.version, row.state, at, ...timelineOf(why)]);
}

/** Who and why: kind and id of the actor, never a name. */
function timelineOf({ actor, note }: TransitionReason): readonly [string, string, string | null] {
  return [actor.kind === 'system' ? actor.displayName : actor.kind, actor.id, note?.slice(0, 2_000) ?? null];
}

async function guarded(
  row: RequestRow,
  to: RequestState,
  update: () => Promise<{ readonly rowCount: number }>,
): Promise<void> {
  try {
    const { rowCount } = await update();
    if (rowCount !== 1) throw refused(row, to);
  } catch (cause) {
    if (sqlState(cause) === sqlStates.checkViolation) throw refused(row, to, cause);
    throw cause;
  }
}

function refused(row: RequestRow, to: RequestState, cause?: unknown): Error {
  return dsrError(
    'ERR_DSR_TRANSITION_REFUSED',
    `the request is ${row.state}; it cannot become ${to} from there`,
    {
      details: { from: row.state, to },
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
