import type { CallContext } from '../kernel/index.ts';
import { takeIn } from './intake.ts';
import { identifiersOf, type NewRequest } from './new-request.ts';
import { enqueueMessage } from './outbox.ts';
import { personOf, type DsrDeps } from './ports.ts';
import { renewTicket, requestByTicket, rowByTicket } from './portal-tickets.ts';
import { lockedRequest, type RequestRow } from './request-row.ts';
import { tenantBySlug } from './tenant-settings.ts';
import { transition } from './transition.ts';
import { codeInvalid, markVerified, sendCode, tryCode } from './verify-identity.ts';

/**
 * The portal's form. Nothing about the data is looked up, so that the answer cannot tell whether the person is known.
 *
 * The e-mail address is the only identity that the code proves, so a phone number is not followed.
 */
export async function openPortalRequest(
  deps: DsrDeps,
  slug: string,
  input: NewRequest & { readonly call: CallContext },
): Promise<{ readonly ticket: string }> {
  const tenant = await tenantBySlug(deps.database, slug);
  await deps.warm(tenant.id);
  return deps.database.withTenant(tenant.id, async (tx) => {
    const identifiers = identifiersOf(input).filter((one) => one.kind === 'email');
    const { row, ticket } = await takeIn(deps, tx, tenant, {
      ...input,
      identifiers,
      message: input.message ?? null,
      channel: 'portal',
      receivedAt: deps.clock.now(),
      actor: 'person',
    });
    await sendCode(deps, tx, tenant, row);
    await transition(deps, tx, row, 'verifying', {
      actor: personOf(tenant.id, row.id),
      note: 'a code was mailed',
      call: input.call,
    });
    return { ticket };
  });
}

/** The person enters the code and gets a ticket that nobody else has. @throws ERR_DSR_CODE_INVALID for every way it can be wrong */
export async function verifyByCode(
  deps: DsrDeps,
  slug: string,
  input: { readonly ticket: string; readonly code: string; readonly call: CallContext },
): Promise<{ readonly state: RequestRow['state']; readonly ticket: string }> {
  const found = await requestByTicket(deps, slug, input.ticket).catch(() => null);
  if (found === null) throw codeInvalid();
  const {
    tenant,
    row: { id },
  } = found;
  await deps.warm(tenant.id);
  // A wrong try must be committed, so the refusal is thrown outside.
  const verified = await deps.database.withTenant(tenant.id, async (tx) => {
    const row = await lockedRequest(tx, id);
    if (row.state !== 'verifying' || !(await tryCode(deps, tx, row, input.code))) return null;
    const renewed = await renewTicket(deps, tx, row);
    const { state } = await markVerified(deps, tx, renewed.row, {
      tenant,
      level: 'mailbox',
      method: 'single-use code to the mailbox',
      actor: personOf(tenant.id, id),
      call: input.call,
    });
    return { state, ticket: renewed.ticket };
  });
  if (verified === null) throw codeInvalid();
  return verified;
}

/** Mails a new code when the first one ran out. The answer is the same whether one was sent. */
export async function resendCode(deps: DsrDeps, slug: string, ticket: string): Promise<void> {
  const {
    tenant,
    row: { id },
  } = await requestByTicket(deps, slug, ticket);
  await deps.warm(tenant.id);
  await deps.database.withTenant(tenant.id, async (tx) => {
    const row = await lockedRequest(tx, id);
    if (row.state === 'verifying') await sendCode(deps, tx, tenant, row);
  });
}

/** The person changes their mind. @throws ERR_DSR_TRANSITION_REFUSED once execution has begun */
export async function withdraw(
  deps: DsrDeps,
  slug: string,
  { ticket, call }: { readonly ticket: string; readonly call: CallContext },
): Promise<RequestRow> {
  const {
    tenant,
    row: { id },
  } = await requestByTicket(deps, slug, ticket);
  await deps.warm(tenant.id);
  return deps.database.withTenant(tenant.id, async (tx) => {
    const row = await lockedRequest(tx, id);
    // The code may have been entered meanwhile, and then the ticket is no longer this one.
    await rowByTicket(tx, ticket);
    const next = await transition(deps, tx, row, 'withdrawn', {
      actor: personOf(tenant.id, id),
      note: 'withdrawn with the ticket',
      call,
    });
    // An address that nobody proved gets its code and nothing else: the ticket is a stranger's as long as that.
    if (next.identity_level !== 'none')
      await enqueueMessage(deps, tx, next, { tenant, template: 'withdrawn' });
    return next;
  });
}
