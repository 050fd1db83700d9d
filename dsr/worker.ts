import { isGatehouseError, parseSubjectId, parseTenantId, type TenantId } from '../kernel/index.ts';
import type { Connector } from './connectors/connector.ts';
import { drive } from './drive.ts';
import { requestForgotten } from './events.ts';
import { lawIds, lawPack } from './law-packs.ts';
import { enqueueMessage, sendDueMessages } from './outbox.ts';
import { engineActor, type DsrDeps } from './ports.ts';
import { lockedRequest } from './request-row.ts';
import { requestSubject } from './sealed-identity.ts';
import { selectCodeWasMailed } from './store-mailbox.ts';
import { selectTenants } from './store.ts';
import {
  deletePackageChunks,
  forgetRequest,
  selectDueRequests,
  selectExpired,
  selectForgettable,
} from './store-work.ts';
import { tenantById } from './tenant-settings.ts';
import { transition } from './transition.ts';

/** Does what is due. Any number of workers may run at once; each may die at any moment. */
export type Worker = {
  /** One round over all tenants. @returns how many things were done; 0 when there is nothing left to do now */
  readonly tick: () => Promise<number>;
};

const batch = 50;

/** @param ports - what the engine stands on */
export function createWorker(ports: { readonly deps: DsrDeps; readonly connector: Connector }): Worker {
  const { deps } = ports;
  const safely = async (what: string, tenantId: TenantId, work: () => Promise<number>): Promise<number> => {
    try {
      return await work();
    } catch (error) {
      if (isGatehouseError(error) && error.code === 'ERR_DSR_LEASE_LOST') return 0;
      deps.logger.error(`${what} failed; the next round tries again`, { tenantId, error });
      return 0;
    }
  };
  const tickTenant = async (tenantId: TenantId): Promise<number> => {
    let done = 0;
    for (const id of await dueRequests(deps, tenantId)) {
      done += await safely('a request', tenantId, async () =>
        (await drive(ports, { tenantId, requestId: id })) ? 1 : 0,
      );
    }
    done += await safely('messages', tenantId, () => sendDueMessages(deps, tenantId));
    done += await safely('expiry', tenantId, () => expireUnverified(deps, tenantId));
    done += await safely('forgetting', tenantId, () => forgetClosed(deps, tenantId));
    return done;
  };
  return Object.freeze({
    tick: async () => {
      let done = 0;
      for (const tenantId of await tenants(deps))
        done += await safely('a round', tenantId, () => tickTenant(tenantId));
      return done;
    },
  });
}

async function tenants(deps: DsrDeps): Promise<readonly TenantId[]> {
  const all: TenantId[] = [];
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const { rows } = await deps.database.withSystem(
      (tx) => tx.query<{ id: string }>(selectTenants, [after]),
      { readOnly: true },
    );
    all.push(...rows.map((row) => parseTenantId(row.id)));
    const last = rows.at(-1);
    if (last === undefined || rows.length < 1_000) return all;
    after = last.id;
  }
}

async function dueRequests(deps: DsrDeps, tenantId: TenantId): Promise<readonly string[]> {
  const { rows } = await deps.database.withTenant(
    tenantId,
    (tx) => tx.query<{ id: string }>(selectDueRequests, [deps.clock.now(), batch]),
    { readOnly: true },
  );
  return rows.map((row) => row.id);
}

async function expireUnverified(deps: DsrDeps, tenantId: TenantId): Promise<number> {
  let expired = 0;
  for (const law of lawIds) {
    const before = new Date(deps.clock.now().getTime() - lawPack(law).unverifiedAfterDays * 86_400_000);
    const { rows } = await deps.database.withTenant(
      tenantId,
      (tx) => tx.query<{ id: string }>(selectExpired, [law, before, batch]),
      { readOnly: true },
    );
    if (rows.length === 0) continue;
    const tenant = await tenantById(deps.database, tenantId);
    await deps.warm(tenantId);
    for (const { id } of rows) {
      expired += await deps.database.withTenant(tenantId, async (tx) => {
        const row = await lockedRequest(tx, id);
        if (row.state !== 'received' && row.state !== 'verifying') return 0;
        const next = await transition(deps, tx, row, 'expired', {
          actor: engineActor,
          note: 'nobody proved the identity in time',
        });
        // Nobody proved this address: it is told of the end only when it was told of the beginning, which is bounded.
        const { rowCount } = await tx.query(selectCodeWasMailed, [row.id]);
        if (rowCount > 0) await enqueueMessage(deps, tx, next, { tenant, template: 'expired' });
        return 1;
      });
    }
  }
  return expired;
}

/** Destroys the request's own key: identities, messages and packages of a closed request become unreadable, backups included. */
async function forgetClosed(deps: DsrDeps, tenantId: TenantId): Promise<number> {
  const now = deps.clock.now();
  const { rows } = await deps.database.withTenant(
    tenantId,
    (tx) => tx.query<{ id: string }>(selectForgettable, [now, batch]),
    { readOnly: true },
  );
  if (rows.length > 0) await deps.warm(tenantId);
  let forgotten = 0;
  for (const { id } of rows) {
    forgotten += await deps.database.withTenant(tenantId, async (tx) => {
      if ((await deps.audit.holds.held(tx, [parseSubjectId(requestSubject(id))])).length > 0) return 0;
      const { rowCount } = await tx.query(forgetRequest, [id, now]);
      if (rowCount === 0) return 0;
      await tx.query(deletePackageChunks, [id]);
      await deps.crypto.shred(tx, [parseSubjectId(requestSubject(id))], {
        requestId: id,
        reason: 'the request is closed',
        actor: engineActor,
      });
      await deps.audit.append(tx, {
        definition: requestForgotten,
        tenantId,
        outcome: 'success',
        actor: engineActor,
        targets: [{ type: 'dsr.request', id }],
        detail: { requestId: id },
        idempotencyKey: `dsr.forgotten:${id}`,
      });
      return 1;
    });
  }
  return forgotten;
}
