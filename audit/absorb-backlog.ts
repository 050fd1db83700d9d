import type { TenantId } from '../kernel/index.ts';
import type { Database } from '../db/index.ts';
import type { Queued } from './batch.ts';
import { loadLogState } from './log-state.ts';
import { isTransient } from './sequencer-errors.ts';
import type { FlowParts } from './sequencer-flow.ts';
import { selectKnownKeys } from './store-sequencer.ts';

/** Reads what committed transactions left, into the backlog. */
export async function drainPending({ flow, pendingReader, pause }: FlowParts): Promise<void> {
  flow.drain = false;
  try {
    const { rows, more } = await pendingReader.read(flow.single > 0 ? 1 : undefined);
    const waitingIds = new Set(flow.backlog.filter(({ pending }) => pending).map(({ leaf }) => leaf.id));
    flow.backlog.push(...rows.filter(({ leaf }) => !waitingIds.has(leaf.id)));
    flow.drain ||= more;
  } catch (error) {
    flow.drain = true;
    await pause(error);
  }
}

/** Moves waiting entries into the open batch: loads their logs, leaves out what an idempotency key already wrote. */
export async function absorbBacklog(parts: FlowParts): Promise<void> {
  const { flow, database, pause } = parts;
  const taken = flow.single > 0 ? flow.backlog.splice(0, 1) : flow.backlog.splice(0);
  flow.inFlight += taken.length;
  try {
    await loadStates(parts, taken);
    const known = await readKnownKeys(database, taken);
    flow.inFlight -= taken.length;
    for (const queued of taken) admit(parts, queued, known);
  } catch (error) {
    flow.inFlight -= taken.length;
    flow.backlog.unshift(...taken);
    await pause(error);
  }
}

async function loadStates(parts: FlowParts, taken: Queued[]): Promise<void> {
  const { flow, database, directory } = parts;
  const missing = new Set(taken.map(({ tenantId }) => tenantId).filter((id) => !flow.states.has(id)));
  for (const tenantId of missing) {
    try {
      parts.guard.require();
      const state = await loadLogState(database, directory, tenantId, flow.released.get(tenantId));
      flow.states.set(tenantId, state);
    } catch (error) {
      if (isTransient(error)) throw error;
      setAside(parts, tenantId, taken, error);
    }
  }
}

/** A log that cannot be opened must not hold up the others. */
function setAside(
  { flow, logger, pendingReader }: FlowParts,
  tenantId: TenantId,
  taken: Queued[],
  error: unknown,
): void {
  logger.error('a tenant log cannot be written; its callers are refused', { tenantId, error });
  flow.trouble = `the log of tenant ${tenantId} cannot be written`;
  pendingReader.skipTenant(tenantId);
  for (let at = taken.length - 1; at >= 0; at -= 1) {
    if (taken[at]?.tenantId !== tenantId) continue;
    const [queued] = taken.splice(at, 1);
    flow.inFlight -= 1;
    for (const waiter of queued?.waiters ?? []) waiter.reject(error);
  }
}

function admit({ flow, pendingReader }: FlowParts, queued: Queued, known: ReadonlySet<string>): void {
  const { tenantId, idempotencyKey } = queued;
  const state = flow.states.get(tenantId);
  const twin =
    idempotencyKey === null ? undefined : flow.open.entries().find((other) => isTwin(other, queued));
  if (idempotencyKey !== null && known.has(`${tenantId} ${idempotencyKey}`)) {
    for (const waiter of queued.waiters) waiter.resolve();
    if (queued.pending) pendingReader.forget(queued);
  } else if (twin !== undefined) {
    twin.waiters.push(...queued.waiters);
    if (queued.pending) flow.drain = true;
  } else if (state === undefined) {
    flow.backlog.push(queued);
  } else {
    flow.open.add(state, queued);
  }
}

function isTwin(one: Queued, other: Queued): boolean {
  return one.tenantId === other.tenantId && one.idempotencyKey === other.idempotencyKey;
}

async function readKnownKeys(database: Database, queued: readonly Queued[]): Promise<ReadonlySet<string>> {
  const keyed = queued.filter(({ idempotencyKey }) => idempotencyKey !== null);
  if (keyed.length === 0) return new Set();
  const values = [keyed.map(({ tenantId }) => tenantId), keyed.map(({ idempotencyKey }) => idempotencyKey)];
  const { rows } = await database.withSequencer((tx) =>
    tx.query<{ tenantId: string; idempotencyKey: string }>(selectKnownKeys, values),
  );
  return new Set(rows.map(({ tenantId, idempotencyKey }) => `${tenantId} ${idempotencyKey}`));
}
