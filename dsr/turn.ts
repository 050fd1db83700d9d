import type { TenantId } from '../kernel/index.ts';
import type { TransactionOptions, Tx } from '../db/index.ts';
import type { Connector } from './connectors/connector.ts';
import { dsrError } from './errors.ts';
import type { DsrDeps } from './ports.ts';
import { lockedRequest, type RequestRow } from './request-row.ts';
import type { RequestState } from './state-machine.ts';
import { releaseLease, takeLease } from './store-work.ts';
import { tenantOf, type TenantInfo } from './tenant-settings.ts';
import { transition, type TransitionReason } from './transition.ts';

/** One worker's hold on one request. */
export type Turn = {
  readonly deps: DsrDeps;
  readonly connector: Connector;
  readonly tenant: TenantInfo;
  readonly requestId: string;
  readonly fence: number;
  /** Runs one transaction with the request locked; refuses when another worker took over. @throws ERR_DSR_LEASE_LOST */
  readonly step: <T>(
    work: (tx: Tx, row: RequestRow) => Promise<T>,
    options?: TransactionOptions,
  ) => Promise<T>;
  /** A transition inside a step; once it is committed, `current` is the new row. */
  readonly move: (tx: Tx, row: RequestRow, to: RequestState, why: TransitionReason) => Promise<RequestRow>;
  /** The request as the last committed step left it. */
  readonly current: () => RequestRow;
  /** Gives the request back together with the last step, which saves a transaction. */
  readonly release: (tx: Tx) => Promise<void>;
};

const defaultLeaseSeconds = 30;

/**
 * Holds a request while `work` runs.
 *
 * @returns what `work` gave, or null when somebody else holds it
 */
export async function takeTurn<T>(
  ports: { readonly deps: DsrDeps; readonly connector: Connector },
  at: { readonly tenantId: TenantId; readonly requestId: string },
  work: (turn: Turn) => Promise<T>,
): Promise<T | null> {
  const { deps } = ports;
  const { tenantId, requestId } = at;
  const now = deps.clock.now();
  const until = new Date(now.getTime() + (deps.options?.leaseSeconds ?? defaultLeaseSeconds) * 1_000);
  const taken = await deps.database.withTenant(tenantId, async (tx) => {
    const { rows } = await tx.query<RequestRow>(takeLease, [requestId, now, until]);
    const row = rows[0];
    return row === undefined ? null : { row, tenant: await tenantOf(tx) };
  });
  if (taken === null) return null;
  await deps.crypto.warm(tenantId);
  const hold = createHold(ports, at, taken);
  try {
    return await work(hold.turn);
  } finally {
    if (!hold.released()) {
      await deps.database.withTenant(tenantId, (tx) => tx.query(releaseLease, [requestId, taken.row.fence]));
    }
  }
}

/** What one worker knows while it holds the request; only commits change it. */
function createHold(
  ports: { readonly deps: DsrDeps; readonly connector: Connector },
  { tenantId, requestId }: { readonly tenantId: TenantId; readonly requestId: string },
  taken: { readonly row: RequestRow; readonly tenant: TenantInfo },
): { readonly turn: Turn; readonly released: () => boolean } {
  const { deps } = ports;
  const { fence } = taken.row;
  let current = taken.row;
  let released = false;
  const turn: Turn = {
    ...ports,
    tenant: taken.tenant,
    requestId,
    fence,
    current: () => current,
    step: (run, options) =>
      deps.database.withTenant(
        tenantId,
        async (tx) => {
          const row = await lockedRequest(tx, requestId);
          if (row.fence !== fence)
            throw dsrError('ERR_DSR_LEASE_LOST', `another worker took request "${requestId}" over`);
          return run(tx, row);
        },
        options,
      ),
    move: async (tx, row, to, why) => {
      const next = await transition(deps, tx, row, to, why);
      tx.onCommit(() => void (current = next));
      return next;
    },
    release: async (tx) => {
      await tx.query(releaseLease, [requestId, fence]);
      tx.onCommit(() => void (released = true));
    },
  };
  return { turn: Object.freeze(turn), released: () => released };
}
