import type { TenantId } from '../kernel/index.ts';
import { deadlineFor } from './deadline.ts';
import { dsrError } from './errors.ts';
import { deadlineExtended } from './events.ts';
import { lawPack } from './law-packs.ts';
import { enqueueMessage } from './outbox.ts';
import type { DsrDeps } from './ports.ts';
import { lockedRequest, type RequestRow } from './request-row.ts';
import type { Caller } from './route-support.ts';
import { isClosed } from './state-machine.ts';
import { extendDeadline } from './store.ts';
import { tenantOf } from './tenant-settings.ts';

/**
 * More time, once, by what the law pack allows, before the first deadline has passed; the person is told the new date, the
 * reason and where to complain.
 *
 * @throws ERR_DSR_EXTENSION_REFUSED
 * @see GDPR Article 12(3); 11 CCR 7021(b)
 */
export async function extend(
  deps: DsrDeps,
  at: { readonly tenantId: TenantId; readonly requestId: string },
  by: Caller & { readonly reason: string },
): Promise<void> {
  await deps.warm(at.tenantId);
  await deps.database.withTenant(at.tenantId, async (tx) => {
    const row = await lockedRequest(tx, at.requestId);
    const now = deps.clock.now();
    requireExtendable(row, now);
    const tenant = await tenantOf(tx);
    const { result, stored } = deadlineFor(tenant, {
      law: row.law,
      lawVersion: row.law_version,
      receivedAt: row.received_at,
      pauses: row.clock.pauses.map(({ from, to, reason }) => ({
        from: new Date(from),
        to: new Date(to),
        reason,
      })),
      extended: true,
    });
    await tx.query(extendDeadline, [row.id, now, by.reason, result.dueAt, JSON.stringify(stored)]);
    await deps.audit.append(tx, {
      definition: deadlineExtended,
      tenantId: at.tenantId,
      outcome: 'success',
      actor: by.principal,
      call: by.call,
      targets: [{ type: 'dsr.request', id: row.id }],
      detail: {
        requestId: row.id,
        from: row.due_at.toISOString(),
        to: result.dueAt.toISOString(),
        citation: result.citation,
      },
      idempotencyKey: `dsr.extended:${row.id}`,
    });
    const { complaint } = lawPack(row.law, row.law_version);
    await enqueueMessage(deps, tx, row, {
      tenant,
      template: 'extended',
      values: { due: result.dueDate, reason: by.reason, citation: result.citation, complaint },
    });
  });
}

function requireExtendable(row: RequestRow, now: Date): void {
  const refuse = (why: string): never => {
    throw dsrError('ERR_DSR_EXTENSION_REFUSED', why);
  };
  if (isClosed(row.state)) refuse(`the request is ${row.state}; nothing is owed any more`);
  if (row.extended_at !== null) refuse('the deadline was extended already; the law allows it once');
  if (now > row.due_at)
    refuse('the deadline has passed; the person had to be told of an extension before that');
}
