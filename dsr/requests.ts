import type { CallContext, Principal, TenantId } from '../kernel/index.ts';
import { invalidRequest } from '../kernel/index.ts';
import { takeIn } from './intake.ts';
import { lawPack } from './law-packs.ts';
import { identifiersOf, type NewRequest } from './new-request.ts';
import { enqueueMessage } from './outbox.ts';
import type { DsrDeps } from './ports.ts';
import { lockedRequest, type RequestRow } from './request-row.ts';
import { tenantById } from './tenant-settings.ts';
import { transition } from './transition.ts';
import { markVerified, sendCode } from './verify-identity.ts';

const oldestReceiptMilliseconds = 10 * 366 * 86_400_000;

/** An operator's entry of what came by letter, phone or counter. */
export async function openOperatorRequest(
  deps: DsrDeps,
  by: { readonly principal: Principal; readonly call: CallContext },
  input: NewRequest & {
    readonly receivedAt?: string | undefined;
    readonly identity?: { readonly method: string } | undefined;
  },
): Promise<RequestRow> {
  const { principal, call } = by;
  const identifiers = identifiersOf(input);
  if (identifiers.length === 0) throw invalidRequest('"email" or "phone" must be given');
  if (input.identity === undefined && input.email === undefined)
    throw invalidRequest(
      'without "email" no code can be mailed; say in "identity" how the person was identified',
    );
  const now = deps.clock.now();
  const receivedAt = input.receivedAt === undefined ? now : new Date(input.receivedAt);
  if (receivedAt > now) throw invalidRequest('"receivedAt" lies in the future');
  if (now.getTime() - receivedAt.getTime() > oldestReceiptMilliseconds)
    throw invalidRequest('"receivedAt" lies more than ten years back; check the year');
  if (input.phone !== undefined && (input.phone.match(/\d/g)?.length ?? 0) < 5)
    throw invalidRequest('"phone" must have at least five digits');
  const tenant = await tenantById(deps.database, principal.tenantId);
  await deps.warm(tenant.id);
  return deps.database.withTenant(tenant.id, async (tx) => {
    // Only what a code to the mailbox can prove is followed, unless the operator proved the identity.
    const proved =
      input.identity === undefined ? identifiers.filter((one) => one.kind === 'email') : identifiers;
    const { row } = await takeIn(deps, tx, tenant, {
      ...input,
      identifiers: proved,
      message: input.message ?? null,
      channel: 'operator',
      receivedAt,
      actor: principal,
      call,
    });
    if (input.identity !== undefined)
      return markVerified(deps, tx, row, {
        tenant,
        level: 'operator',
        method: input.identity.method,
        actor: principal,
        call,
      });
    await sendCode(deps, tx, tenant, row);
    return transition(deps, tx, row, 'verifying', { actor: principal, note: 'a code was mailed', call });
  });
}

/** Staff refuse, with a ground; the person is told where to complain. */
export async function refuse(
  deps: DsrDeps,
  at: { readonly tenantId: TenantId; readonly requestId: string },
  by: {
    readonly principal: Principal;
    readonly call: CallContext;
    readonly reason: string;
    readonly citation: string;
  },
): Promise<RequestRow> {
  const tenant = await tenantById(deps.database, at.tenantId);
  await deps.warm(tenant.id);
  return deps.database.withTenant(tenant.id, async (tx) => {
    const row = await lockedRequest(tx, at.requestId);
    const next = await transition(deps, tx, row, 'refused', {
      actor: by.principal,
      note: `${by.citation}: ${by.reason}`,
      call: by.call,
    });
    const { complaint } = lawPack(row.law, row.law_version);
    await enqueueMessage(deps, tx, next, {
      tenant,
      template: 'refused',
      values: { reason: by.reason, ground: by.citation, complaint },
    });
    return next;
  });
}
