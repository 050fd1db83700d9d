import type { TenantId } from '../kernel/index.ts';
import type { TransactionOptions, Tx } from '../db/index.ts';
import type { Connector } from './connectors/connector.ts';
import { dsrError } from './errors.ts';
import type { DsrDeps } from './ports.ts';
import { lockedRequest, type RequestRow } from './request-row.ts';
import { releaseLease, takeLease } from './store-work.ts';
import { tenantById, type TenantInfo } from './tenant-settings.ts';

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
  const { rows } = await deps.database.withTenant(tenantId, (tx) =>
    tx.query<{ fence: number }>(takeLease, [requestId, now, until]),
  );
  const fence = rows[0]?.fence;
  if (fence === undefined) return null;
  const tenant = await tenantById(deps.database, tenantId);
  await deps.crypto.warm(tenantId);
  const step: Turn['step'] = (run, options) =>
    deps.database.withTenant(
      tenantId,
      async (tx) => {
        const row = await lockedRequest(tx, requestId);
        if (row.fence !== fence)
          throw dsrError('ERR_DSR_LEASE_LOST', `another worker took request "${requestId}" over`);
        return run(tx, row);
      },
      options,
    );
  try {
    return await work({ ...ports, tenant, requestId, fence, step });
  } finally {
    await deps.database.withTenant(tenantId, (tx) => tx.query(releaseLease, [requestId, fence]));
  }
}
