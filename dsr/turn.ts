import { isGatehouseError, type TenantId } from '../kernel/index.ts';
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

type Ports = { readonly deps: DsrDeps; readonly connector: Connector };
type At = { readonly tenantId: TenantId; readonly requestId: string };
type Hold = { readonly turn: Turn; readonly released: () => boolean };
/** What may happen in the very transaction that takes the request, so that all of it is one commit. */
export type Opening = (turn: Turn, tx: Tx, row: RequestRow) => Promise<void>;

/**
 * Holds a request while `work` runs.
 *
 * @param opening - tried together with taking the request; when it fails nothing of it stands, and `work` goes step by
 *   step instead
 * @returns what `work` gave, or null when somebody else holds it
 */
export async function takeTurn<T>(
  ports: Ports,
  at: At,
  work: (turn: Turn) => Promise<T>,
  opening?: Opening,
): Promise<T | null> {
  const { deps } = ports;
  await deps.warm(at.tenantId);
  const hold =
    opening === undefined
      ? await takeHold(ports, at)
      : await takeHold(ports, at, opening).catch((error: unknown) => {
          deps.logger.debug('not everything could be done at once; going step by step', {
            requestId: at.requestId,
            reason: isGatehouseError(error) ? error.code : 'ERR_INTERNAL',
          });
          return takeHold(ports, at);
        });
  if (hold === null) return null;
  try {
    return await work(hold.turn);
  } finally {
    if (!hold.released()) {
      await deps.database.withTenant(at.tenantId, (tx) =>
        tx.query(releaseLease, [at.requestId, hold.turn.fence]),
      );
    }
  }
}

function takeHold(ports: Ports, at: At, opening?: Opening): Promise<Hold | null> {
  const { deps } = ports;
  const now = deps.clock.now();
  const until = new Date(now.getTime() + (deps.options?.leaseSeconds ?? defaultLeaseSeconds) * 1_000);
  return deps.database.withTenant(
    at.tenantId,
    async (tx) => {
      const { rows } = await tx.query<RequestRow>(takeLease, [at.requestId, now, until]);
      const row = rows[0];
      if (row === undefined) return null;
      const hold = createHold(ports, at, { row, tenant: await tenantOf(tx) });
      await opening?.(hold.turn, tx, row);
      return hold;
    },
    { statementTimeoutMilliseconds: opening === undefined ? 30_000 : 300_000 },
  );
}

/** What one worker knows while it holds the request; only commits change it. */
function createHold(
  ports: Ports,
  { tenantId, requestId }: At,
  taken: { readonly row: RequestRow; readonly tenant: TenantInfo },
): Hold {
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
