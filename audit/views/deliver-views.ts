import type { Database, Tx } from '../../db/index.ts';
import { sql } from '../../db/index.ts';
import type { Clock, Logger, TenantId } from '../../kernel/index.ts';
import type { AuditCrypto } from '../crypto-need.ts';
import type { Intents } from '../intents/intents.ts';
import { listLogs } from '../list-logs.ts';
import { selectLogSize } from '../sinks/store.ts';
import { matchingEntries } from '../trail-filter.ts';
import { nextRun } from './next-run.ts';
import { recipientContext } from './saved-views.ts';
import { keptFilterSchema, scheduleSchema, type KeptFilter } from './schema.ts';
import { finishView, takeDueView } from './store.ts';

/** A mail to the owner of a view. It names events by number and id; no personal data travels by mail. */
export type ViewMail = {
  readonly tenantId: TenantId;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly idempotencyKey: string;
};
/** Hands a mail to the mail system. */
export type SendViewMail = (mail: ViewMail) => Promise<void>;

/** What delivering needs. */
export type DeliverViewsDeps = {
  readonly database: Database;
  readonly crypto: Pick<AuditCrypto, 'open'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly send: SendViewMail;
  readonly intents: Pick<Intents, 'intent' | 'outcome'>;
  readonly project: (tenantId: TenantId) => Promise<unknown>;
  /** Origin of the console, for the link. */
  readonly publicUrl: string;
};

type Due = {
  readonly id: string;
  readonly ownerId: string;
  readonly name: string;
  readonly filter: unknown;
  readonly schedule: unknown;
  readonly sealedRecipient: Buffer;
  readonly deliveredTo: number | null;
};
type Found = { readonly count: number; readonly lines: readonly string[]; readonly size: number };

const deliverer = Object.freeze({ kind: 'system', id: 'audit.views', displayName: 'Saved views' } as const);
const shownEvents = 50;
/** When the sender dies, the view is due again after this. */
const retryMilliseconds = 900_000;

/** Delivers every view that is due. Any number may run. @returns how many */
export function createViewDelivery(deps: DeliverViewsDeps): () => Promise<number> {
  return async () => {
    let delivered = 0;
    for (const { tenantId } of await listLogs(deps.database)) {
      for (;;) {
        const due = await take(deps, tenantId);
        if (due === null) break;
        await deliverOne(deps, tenantId, due);
        delivered += 1;
      }
    }
    return delivered;
  };
}

async function take({ database, clock }: DeliverViewsDeps, tenantId: TenantId): Promise<Due | null> {
  const now = clock.now();
  const retryAt = new Date(now.getTime() + retryMilliseconds);
  const { rows } = await database.withTenant(tenantId, (tx) => tx.query<Due>(takeDueView, [now, retryAt]));
  return rows[0] ?? null;
}

async function deliverOne(deps: DeliverViewsDeps, tenantId: TenantId, due: Due): Promise<void> {
  const { database, clock, logger } = deps;
  const schedule = scheduleSchema.parse(due.schedule);
  const finish = (size: number | null, error: string | null): Promise<unknown> =>
    database.withTenant(tenantId, (tx) =>
      tx.query(finishView, [due.id, nextRun(schedule, clock.now()), size, clock.now(), error]),
    );
  try {
    const filter = keptFilterSchema.parse(due.filter);
    await deps.project(tenantId);
    const { to, found, intentId } = await database.withTenant(tenantId, async (tx) => {
      const recipient = await recipientOf(tx, deps, due);
      const matches = await findNew(tx, filter, due.deliveredTo ?? 0);
      const intent = {
        effect: 'audit.view_mail',
        actor: deliverer,
        targets: [{ type: 'audit.view', id: due.id }],
      };
      return {
        to: recipient,
        found: matches,
        intentId: recipient === null ? '' : await deps.intents.intent(tx, intent),
      };
    });
    if (to === null)
      return void (await finish(null, 'the key of its owner was destroyed; nothing is delivered any more'));
    const settled = { tenantId, actor: deliverer, targets: [{ type: 'audit.view', id: due.id }] } as const;
    await deps
      .send({
        tenantId,
        to,
        ...mailOf(deps, due, filter, found),
        idempotencyKey: `audit.view:${due.id}:${found.size}`,
      })
      .catch(async (error: unknown) => {
        await deps.intents.outcome(intentId, {
          ...settled,
          outcome: 'failure',
          reason: 'the mail system refused',
        });
        throw error;
      });
    await deps.intents.outcome(intentId, { ...settled, outcome: 'success' });
    await finish(found.size, null);
  } catch (error) {
    logger.error('a view could not be delivered; it is tried again', { error, tenantId, view: due.id });
  }
}

async function recipientOf(tx: Tx, { crypto }: DeliverViewsDeps, due: Due): Promise<string | null> {
  const opened = await crypto.open(tx, recipientContext(due.id), due.sealedRecipient);
  return opened.kind === 'shredded' ? null : opened.plaintext.toString('utf8');
}

async function findNew(tx: Tx, filter: KeptFilter, from: number): Promise<Found> {
  const size = (await tx.query<{ size: number }>(selectLogSize)).rows[0]?.size ?? 0;
  const matches = matchingEntries(tx.tenantId, filter).where(
    sql<boolean>`e.seq >= ${from}::bigint and e.seq < ${size}::bigint`,
  );
  const counted = await tx.run<{ count: number }>(
    matches.select(sql<number>`count(*)::integer`.as('count')).compile(),
  );
  const newest = await tx.run<{ seq: number; occurred_at: Date; action: string; outcome: string }>(
    matches
      .select(['e.seq', 'e.occurred_at', 'e.action', 'e.outcome'])
      .orderBy('e.seq', 'desc')
      .limit(shownEvents)
      .compile(),
  );
  const lines = newest.rows.map(
    (row) => `${row.occurred_at.toISOString()}  #${row.seq}  ${row.action}  ${row.outcome}`,
  );
  return { count: counted.rows[0]?.count ?? 0, lines, size };
}

function mailOf(
  { publicUrl }: DeliverViewsDeps,
  due: Due,
  filter: KeptFilter,
  { count, lines, size }: Found,
): { readonly subject: string; readonly text: string } {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) if (value !== undefined) query.set(name, value);
  const range = `events ${due.deliveredTo ?? 0} to ${size - 1}`;
  const more = count > lines.length ? [`… and ${count - lines.length} more`] : [];
  return {
    subject: `Gatehouse trail: ${due.name}: ${count} new`,
    text: [
      `${count} new events match your view "${due.name}" (${range}).`,
      '',
      ...lines,
      ...more,
      '',
      `Open it: ${publicUrl}/trail?${query.toString()}`,
      'You get this mail because you gave the view a schedule; take the schedule away to end it.',
    ].join('\n'),
  };
}
