import type { CallContext } from '../kernel/index.ts';
import { parseRequestId } from '../kernel/index.ts';
import type { Tx } from '../db/index.ts';
import type { Identifier } from './connectors/connector.ts';
import { deadlineFor } from './deadline.ts';
import { requestReceived } from './events.ts';
import { lawPack, type LawId, type RequestType } from './law-packs.ts';
import type { Language } from './messages.ts';
import { personOf, type Actor, type DsrDeps } from './ports.ts';
import { drawTicket, hashTicket } from './portal-tickets.ts';
import { lockedRequest, type RequestRow } from './request-row.ts';
import { identityHash, maskIdentifier, sealIdentity } from './sealed-identity.ts';
import { insertRequest, selectOpenTwin } from './store.ts';
import type { TenantInfo } from './tenant-settings.ts';
import { writeTimeline } from './transition.ts';

/** What arrived, from whichever channel. */
export type IntakeInput = {
  readonly type: RequestType;
  readonly law: LawId;
  readonly identifiers: readonly Identifier[];
  readonly language: Language;
  readonly channel: 'portal' | 'operator' | 'api';
  /** When anybody at the controller got it. */
  readonly receivedAt: Date;
  readonly message: string | null;
  /** Who handed it in; the person themselves is known by the request alone. */
  readonly actor: Actor | 'person';
  readonly call?: CallContext;
};

/**
 * Takes a request in: the same steps whether the person is known or not. A second open request of the same person and
 * type is linked to the first and keeps its own clock.
 */
export async function takeIn(
  deps: DsrDeps,
  tx: Tx,
  tenant: TenantInfo,
  input: IntakeInput,
): Promise<{ readonly row: RequestRow; readonly ticket: string }> {
  const id = parseRequestId(deps.newId());
  const actor = input.actor === 'person' ? personOf(tx.tenantId, id) : input.actor;
  const ticket = drawTicket(deps);
  const now = deps.clock.now();
  const { result, stored } = deadlineFor(tenant, {
    law: input.law,
    receivedAt: input.receivedAt,
    pauses: [],
  });
  const hash = await identityHash(deps.crypto, tx, input.identifiers);
  const { rows } = await tx.query<{ id: string }>(selectOpenTwin, [hash, input.type]);
  const linkedTo = rows[0]?.id ?? null;
  const sealed = await sealIdentity(deps.crypto, tx, id, {
    identifiers: [...input.identifiers],
    ticket,
    message: input.message,
  });
  const first = input.identifiers[0];
  const pack = lawPack(input.law);
  await tx.query(insertRequest, [
    id,
    input.type,
    input.law,
    pack.version,
    input.channel,
    input.language,
    input.receivedAt,
    result.dueAt,
    result.acknowledgeAt,
    JSON.stringify(stored),
    linkedTo,
    hash,
    hashTicket(ticket),
    sealed,
    first === undefined ? null : maskIdentifier(first),
    now,
  ]);
  const note =
    linkedTo === null
      ? null
      : `the same person asked for the same before: linked to ${linkedTo}, both clocks run`;
  await writeTimeline(tx, { id, version: 1, state: 'received' }, now, { actor, note });
  await logReceived(deps, tx, input, { id, actor, linkedTo, dueAt: result.dueAt });
  return { row: await lockedRequest(tx, id), ticket };
}

async function logReceived(
  deps: DsrDeps,
  tx: Tx,
  input: IntakeInput,
  received: {
    readonly id: string;
    readonly actor: Actor;
    readonly linkedTo: string | null;
    readonly dueAt: Date;
  },
): Promise<void> {
  await deps.audit.append(tx, {
    definition: requestReceived,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: received.actor,
    targets: [{ type: 'dsr.request', id: received.id }],
    detail: {
      requestId: received.id,
      type: input.type,
      law: input.law,
      lawVersion: lawPack(input.law).version,
      channel: input.channel,
      dueAt: received.dueAt.toISOString(),
      linkedTo: received.linkedTo,
    },
    ...(input.call === undefined ? {} : { call: input.call }),
    idempotencyKey: `dsr.received:${received.id}`,
  });
}
