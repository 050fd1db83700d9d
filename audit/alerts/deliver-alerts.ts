import type { Database, Tx } from '../../db/index.ts';
import type { Clock, Logger, TenantId } from '../../kernel/index.ts';
import type { AuditCrypto } from '../crypto-need.ts';
import { listLogs } from '../list-logs.ts';
import type { SendViewMail } from '../views/deliver-views.ts';
import type { Alert } from './alerts.ts';
import { subscriberContext } from './rules.ts';
import { finishAlertMail, selectSubscribers, takeAlertMail } from './store.ts';

/** What mails about alerts need. */
export type AlertMailDeps = {
  readonly database: Database;
  readonly crypto: Pick<AuditCrypto, 'open' | 'warm'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly send: SendViewMail;
  /** Origin of the console, for the link. */
  readonly publicUrl: string;
};

type Due = Pick<
  Alert,
  'id' | 'ruleId' | 'ruleName' | 'kind' | 'severity' | 'at' | 'seqs' | 'events' | 'note'
> & { readonly attempts: number };
type Recipient = { readonly personId: string; readonly address: string };

const firstRetryMilliseconds = 60_000;
const lastRetryMilliseconds = 3_600_000;
const alertsPerRound = 100;

/** Hands over the mails that are due; a mail handed over twice has the same key. @returns a round: how many alerts were told of */
export function createAlertMails(deps: AlertMailDeps): () => Promise<number> {
  return async () => {
    let told = 0;
    for (const { tenantId } of await listLogs(deps.database)) {
      for (let round = 0; round < alertsPerRound; round += 1) {
        const due = await take(deps, tenantId);
        if (due === null) break;
        if (await tell(deps, tenantId, due)) told += 1;
      }
    }
    return told;
  };
}

/** The provisional next time grows with the attempts that failed. */
async function take({ database, clock }: AlertMailDeps, tenantId: TenantId): Promise<Due | null> {
  const now = clock.now();
  const { rows } = await database.withTenant(tenantId, (tx) =>
    tx.query<Due>(takeAlertMail, [now, firstRetryMilliseconds, lastRetryMilliseconds]),
  );
  return rows[0] ?? null;
}

async function tell(deps: AlertMailDeps, tenantId: TenantId, due: Due): Promise<boolean> {
  const { database, crypto, logger, send } = deps;
  try {
    await crypto.warm(tenantId);
    const recipients = await database.withTenant(tenantId, (tx) => recipientsOf(tx, crypto, due.ruleId));
    for (const { personId, address } of recipients) {
      const idempotencyKey = `audit.alert:${due.id}:${personId}`;
      await send({ tenantId, to: address, ...mailOf(deps, due), idempotencyKey });
    }
    await database.withTenant(tenantId, (tx) => tx.query(finishAlertMail, [due.id]));
    return true;
  } catch (error) {
    logger.error('mails about an alert could not be handed over; it is tried again', {
      error,
      tenantId,
      alert: due.id,
    });
    return false;
  }
}

/** Whoever was erased gets no mail. */
async function recipientsOf(
  tx: Tx,
  crypto: Pick<AuditCrypto, 'open'>,
  ruleId: string,
): Promise<readonly Recipient[]> {
  type Row = { readonly personId: string; readonly sealedRecipient: Buffer };
  const { rows } = await tx.query<Row>(selectSubscribers, [ruleId]);
  const found: Recipient[] = [];
  for (const { personId, sealedRecipient } of rows) {
    const opened = await crypto.open(tx, subscriberContext(ruleId), sealedRecipient);
    if (opened.kind !== 'shredded') found.push({ personId, address: opened.plaintext.toString('utf8') });
  }
  return found;
}

/** Numbers, times and the name of the rule; whom it is about stands in the console only. */
function mailOf(
  { publicUrl }: AlertMailDeps,
  { id, ruleName, kind, severity, at, seqs, events, note }: Due,
): { readonly subject: string; readonly text: string } {
  return {
    subject: `Gatehouse alert, ${severity}: ${ruleName}`,
    text: [
      `The rule "${ruleName}" (${kind.replaceAll('_', ' ')}) found what it looks for at ${at.toISOString()}.`,
      ...(note === null ? [] : [note]),
      `Events: ${events}${
        seqs.length === 0
          ? ''
          : `, the newest of them ${seqs
              .slice(-5)
              .map((seq) => `#${seq}`)
              .join(' ')}`
      }`,
      '',
      `Look at it: ${publicUrl}/v1/audit/alerts/${id}`,
      'You get this mail because you asked for the mails of the rule.',
    ].join('\n'),
  };
}
