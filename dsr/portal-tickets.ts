import { createHash } from 'node:crypto';
import type { Tx } from '../db/index.ts';
import { dsrError } from './errors.ts';
import type { DsrDeps } from './ports.ts';
import type { RequestRow } from './request-row.ts';
import { openIdentity, sealIdentity } from './sealed-identity.ts';
import { replaceTicket, selectRequestByAnyTicket, selectRequestByTicket } from './store.ts';
import { tenantBySlug, type TenantInfo } from './tenant-settings.ts';

/** A request, and whether the ticket that led to it may do more than read its status. */
export type FoundByTicket = {
  readonly tenant: TenantInfo;
  readonly row: RequestRow;
  readonly current: boolean;
};

/** A new ticket of 256 random bits. */
export function drawTicket(deps: Pick<DsrDeps, 'randomBytes'>): string {
  return deps.randomBytes(32).toString('base64url');
}

/** SHA-256 of a ticket; tickets themselves are known to their holder alone. */
export function hashTicket(ticket: string): Buffer {
  return createHash('sha256').update(ticket).digest();
}

/** The request behind a ticket, in the caller's transaction. @throws ERR_DSR_TICKET_UNKNOWN */
export async function rowByTicket(tx: Tx, ticket: string): Promise<RequestRow> {
  const { rows } = await tx.query<RequestRow>(selectRequestByTicket, [hashTicket(ticket)]);
  return rows[0] ?? unknown();
}

/** The request behind the ticket that may do everything. @throws ERR_DSR_TICKET_UNKNOWN */
export async function requestByTicket(
  deps: DsrDeps,
  slug: string,
  ticket: string,
): Promise<Pick<FoundByTicket, 'tenant' | 'row'>> {
  const tenant = await tenantBySlug(deps.database, slug);
  const read = (tx: Tx): Promise<RequestRow> => rowByTicket(tx, ticket);
  return { tenant, row: await deps.database.withTenant(tenant.id, read, { readOnly: true }) };
}

/** For the status alone: the ticket from before the proof leads to the request as well. @throws ERR_DSR_TICKET_UNKNOWN */
export async function requestByAnyTicket(
  deps: DsrDeps,
  slug: string,
  ticket: string,
): Promise<FoundByTicket> {
  const tenant = await tenantBySlug(deps.database, slug);
  const { rows } = await deps.database.withTenant(
    tenant.id,
    (tx) => tx.query<RequestRow & { current: boolean }>(selectRequestByAnyTicket, [hashTicket(ticket)]),
    { readOnly: true },
  );
  const row = rows[0] ?? unknown();
  return { tenant, row, current: row.current };
}

/**
 * Whoever proved the mailbox gets a ticket of their own: the one before may be a stranger's, who asked in their name. It
 * stands in the mails from now on.
 */
export async function renewTicket(
  deps: DsrDeps,
  tx: Tx,
  row: RequestRow,
): Promise<{ readonly row: RequestRow; readonly ticket: string }> {
  const ticket = drawTicket(deps);
  const identity = await openIdentity(deps.crypto, tx, row);
  const sealed = await sealIdentity(deps.crypto, tx, row.id, { ...identity, ticket });
  await tx.query(replaceTicket, [row.id, hashTicket(ticket), sealed]);
  return { row: { ...row, sealed }, ticket };
}

function unknown(): never {
  throw dsrError(
    'ERR_DSR_TICKET_UNKNOWN',
    'no request belongs to this ticket; check the link, or follow the one in our latest message',
    { status: 404 },
  );
}
