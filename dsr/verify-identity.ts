import { timingSafeEqual } from 'node:crypto';
import type { CallContext } from '../kernel/index.ts';
import type { Tx } from '../db/index.ts';
import { deadlineFor } from './deadline.ts';
import { dsrError } from './errors.ts';
import { identityChecked } from './events.ts';
import { lawPack } from './law-packs.ts';
import type { Pause } from './legal-clock.ts';
import { enqueueMessage } from './outbox.ts';
import type { Actor, DsrDeps } from './ports.ts';
import type { RequestRow } from './request-row.ts';
import { countRecentOfIdentity, spendTry, updateIdentity, upsertVerification, useCode } from './store.ts';
import type { TenantInfo } from './tenant-settings.ts';
import { transition } from './transition.ts';

const codeDigits = 8;
const codeLifetimeMilliseconds = 10 * 60_000;
/** Mails one address may be sent codes for within an hour; more requests are taken in, silently. */
const maxRequestsPerHour = 5;

/** One outward answer for every way a code can be wrong. */
export function codeInvalid(): Error {
  return dsrError(
    'ERR_DSR_CODE_INVALID',
    'the code is not right, used, or older than 10 minutes; ask for a new one',
    { status: 400 },
  );
}

/** A code that is equally likely for every number of eight digits. */
function drawCode(deps: DsrDeps): string {
  const limit = 10 ** codeDigits;
  const ceiling = Math.floor(2 ** 32 / limit) * limit;
  for (;;) {
    const value = deps.randomBytes(4).readUInt32BE();
    if (value < ceiling) return String(value % limit).padStart(codeDigits, '0');
  }
}

const hashCode = (deps: DsrDeps, tx: Tx, row: RequestRow, code: string): Promise<Buffer> =>
  deps.crypto.mac(tx, 'dsr.code', `${row.id}:${code}`);

/**
 * Mails a fresh code to the address; the one before is void.
 *
 * @returns whether one was sent: at most five per request, and five requests per address and hour
 */
export async function sendCode(deps: DsrDeps, tx: Tx, tenant: TenantInfo, row: RequestRow): Promise<boolean> {
  const now = deps.clock.now();
  const { rows } = await tx.query<{ requests: number }>(countRecentOfIdentity, [
    row.identity_hash,
    new Date(now.getTime() - 3_600_000),
  ]);
  if ((rows[0]?.requests ?? 0) > maxRequestsPerHour) return false;
  const code = drawCode(deps);
  const expires = new Date(now.getTime() + codeLifetimeMilliseconds);
  const { rowCount } = await tx.query(upsertVerification, [
    row.id,
    await hashCode(deps, tx, row, code),
    expires,
  ]);
  if (rowCount === 0) return false;
  await enqueueMessage(deps, tx, row, { tenant, template: 'verify', values: { code } });
  return true;
}

/** Spends one try. The caller commits whatever comes out, so that tries count. @returns whether the code was right */
export async function tryCode(deps: DsrDeps, tx: Tx, row: RequestRow, code: string): Promise<boolean> {
  const now = deps.clock.now();
  const presented = await hashCode(deps, tx, row, code);
  const { rows } = await tx.query<{ code_hash: Buffer }>(spendTry, [row.id, now]);
  const expected = rows[0]?.code_hash;
  if (expected === undefined || !timingSafeEqual(expected, presented)) return false;
  const { rowCount } = await tx.query(useCode, [row.id, now]);
  return rowCount === 1;
}

/** How an identity was proved, and by whom. */
type Proof = {
  readonly tenant: TenantInfo;
  readonly level: 'mailbox' | 'operator';
  readonly method: string;
  readonly actor: Actor;
  readonly call?: CallContext;
};

/** The identity is proved: recomputes the clock where the law lets it stand still, and tells the person the date. */
export async function markVerified(
  deps: DsrDeps,
  tx: Tx,
  row: RequestRow,
  proof: Proof,
): Promise<RequestRow> {
  const now = deps.clock.now();
  const pack = lawPack(row.law, row.law_version);
  // The clock stands still only while a proof we asked for was outstanding.
  const pauses: readonly Pause[] =
    row.state === 'verifying'
      ? [{ from: row.received_at, to: now, reason: 'proof of identity outstanding' }]
      : [];
  const { result, stored } = deadlineFor(proof.tenant, {
    law: row.law,
    lawVersion: row.law_version,
    receivedAt: row.received_at,
    pauses,
    extended: row.extended_at !== null,
  });
  await tx.query(updateIdentity, [
    row.id,
    proof.level,
    proof.method,
    now,
    result.dueAt,
    JSON.stringify(stored),
  ]);
  await logVerified(deps, tx, row, { ...proof, dueAt: result.dueAt });
  const verified = { ...row, identity_level: proof.level, due_at: result.dueAt, clock: stored };
  const next = await transition(deps, tx, verified, 'verified', {
    actor: proof.actor,
    note: `identity: ${proof.method}`,
    ...(proof.call === undefined ? {} : { call: proof.call }),
  });
  await enqueueMessage(deps, tx, next, {
    tenant: proof.tenant,
    template: 'verified',
    values: { due: result.dueDate, citation: `${pack.rights[row.type]}; ${result.citation}` },
  });
  return next;
}

async function logVerified(
  deps: DsrDeps,
  tx: Tx,
  row: RequestRow,
  proof: Proof & { readonly dueAt: Date },
): Promise<void> {
  await deps.audit.append(tx, {
    definition: identityChecked,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: proof.actor,
    targets: [{ type: 'dsr.request', id: row.id }],
    detail: {
      requestId: row.id,
      level: proof.level,
      method: proof.method,
      dueAt: proof.dueAt.toISOString(),
    },
    ...(proof.call === undefined ? {} : { call: proof.call }),
    idempotencyKey: `dsr.verified:${row.id}`,
  });
}
