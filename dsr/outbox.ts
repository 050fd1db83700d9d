import { z } from 'zod';
import type { TenantId } from '../kernel/index.ts';
import { isGatehouseError } from '../kernel/index.ts';
import type { Tx } from '../db/index.ts';
import { messageSent } from './events.ts';
import { renderMessage, type Language, type TemplateName } from './messages.ts';
import { engineActor, type DsrDeps } from './ports.ts';
import type { RequestRow } from './request-row.ts';
import { openForRequest, openIdentity, sealForRequest } from './sealed-identity.ts';
import type { TenantInfo } from './tenant-settings.ts';
import { insertMessage, markMessageFailed, markMessageSent, takeMessages } from './store-work.ts';

const content = z.object({ to: z.string(), subject: z.string(), text: z.string() });
const maxAttempts = 10;
const batch = 20;

/** The address of a person's own page; with the code it opens where the code is entered. */
function portalLink(
  deps: DsrDeps,
  { tenant, template }: { readonly tenant: TenantInfo; readonly template: TemplateName },
  ticket: string,
): string {
  const stage = template === 'verify' ? 'stage=code&' : '';
  return `${deps.publicUrl.replace(/\/$/, '')}/portal/${tenant.slug}#${stage}ticket=${ticket}`;
}

/** Puts a message into the outbox, in the transaction of what it tells about. Nothing happens without an e-mail address. */
export async function enqueueMessage(
  deps: DsrDeps,
  tx: Tx,
  row: RequestRow,
  message: {
    readonly tenant: TenantInfo;
    readonly template: TemplateName;
    readonly values?: Readonly<Record<string, string>>;
  },
): Promise<void> {
  if (row.forgotten_at !== null || row.sealed === null) return;
  const identity = await openIdentity(deps.crypto, tx, row);
  const to = identity.identifiers.find((one) => one.kind === 'email')?.value;
  if (to === undefined) return;
  const values = {
    tenant: message.tenant.name,
    type: row.type,
    link: portalLink(deps, message, identity.ticket),
    ...message.values,
  };
  const id = deps.newId();
  const rendered = renderMessage(message.template, row.language, values);
  const sealed = await sealForRequest(
    deps.crypto,
    tx,
    { requestId: row.id, field: `message:${id}` },
    Buffer.from(JSON.stringify({ to, ...rendered })),
  );
  await tx.query(insertMessage, [id, row.id, message.template, row.language, sealed, deps.clock.now()]);
}

type MessageRow = {
  readonly id: string;
  readonly request_id: string;
  readonly template: string;
  readonly language: Language;
  readonly sealed: Buffer;
  readonly attempts: number;
};

/**
 * Sends what is due. A message taken by a sender that dies comes back after a minute with the same idempotency key.
 *
 * @returns how many were handed over
 */
export async function sendDueMessages(deps: DsrDeps, tenantId: TenantId): Promise<number> {
  const now = deps.clock.now();
  const taken = await deps.database.withTenant(tenantId, async (tx) => {
    const { rows } = await tx.query<MessageRow>(takeMessages, [now, new Date(now.getTime() + 60_000), batch]);
    const opened: Opened[] = [];
    for (const row of rows) {
      const bytes = await openForRequest(
        deps.crypto,
        tx,
        { requestId: row.request_id, field: `message:${row.id}` },
        row.sealed,
      );
      const intentId = await deps.audit.intent(tx, {
        effect: 'dsr.mail',
        actor: engineActor,
        targets: targetsOf(row),
      });
      opened.push({ row, mail: content.parse(JSON.parse(bytes.toString('utf8'))), intentId });
    }
    return opened;
  });
  let sent = 0;
  for (const one of taken) sent += await sendOne(deps, tenantId, one);
  return sent;
}

type Opened = { readonly row: MessageRow; readonly mail: z.infer<typeof content>; readonly intentId: string };

const targetsOf = (row: MessageRow) => [
  { type: 'dsr.request', id: row.request_id },
  { type: 'dsr.message', id: row.id },
];

async function sendOne(deps: DsrDeps, tenantId: TenantId, { row, mail, intentId }: Opened): Promise<number> {
  const settled = { tenantId, actor: engineActor, targets: targetsOf(row) };
  try {
    await deps.mailer.send({
      tenantId,
      ...mail,
      language: row.language,
      idempotencyKey: `dsr.message:${row.id}`,
    });
  } catch (error) {
    const final = row.attempts >= maxAttempts;
    // The reason may repeat the address, so only its code is kept.
    const code = isGatehouseError(error) ? error.code : 'mailer failed';
    await deps.database.withTenant(tenantId, async (tx) => {
      await tx.query(markMessageFailed, [row.id, code, final]);
      await deps.audit.outcome(intentId, { ...settled, outcome: 'failure', reason: code }, tx);
    });
    deps.logger.warn('a message to a person could not be handed over', {
      messageId: row.id,
      attempts: row.attempts,
      final,
    });
    return 0;
  }
  await deps.database.withTenant(tenantId, async (tx) => {
    await deps.audit.outcome(intentId, { ...settled, outcome: 'success' }, tx);
    const { rowCount } = await tx.query(markMessageSent, [row.id, deps.clock.now()]);
    if (rowCount === 0) return;
    await deps.audit.append(tx, {
      definition: messageSent,
      tenantId,
      outcome: 'success',
      actor: engineActor,
      targets: [{ type: 'dsr.request', id: row.request_id }],
      detail: {
        requestId: row.request_id,
        messageId: row.id,
        template: row.template,
        language: row.language,
      },
      idempotencyKey: `dsr.message:${row.id}`,
    });
  });
  return 1;
}
