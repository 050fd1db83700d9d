import type { Approved } from '../../crypto/index.ts';
import { exactlyOne, type Database, type Tx } from '../../db/index.ts';
import { notFound, type AuditSink, type Clock } from '../../kernel/index.ts';
import { auditError } from '../errors.ts';
import { tileWidth } from '../tree-writer.ts';
import { retentionChanged } from './events.ts';
import { retentionDaysSchema, type RetentionDays } from './schema.ts';
import { insertRetention, selectMinimumIndex, selectPrunedEntry, selectRetention } from './store.ts';

/** How long a tenant keeps entries. */
export type RetentionPolicy = {
  readonly revision: number;
  readonly days: RetentionDays;
  readonly text: string;
  readonly proposedBy: string;
  readonly approvedBy: string;
  readonly createdAt: Date;
};

/** Reads the policy in force; null: everything is kept for ever. */
export async function readRetention(tx: Tx): Promise<RetentionPolicy | null> {
  return (await tx.query<RetentionPolicy>(selectRetention, [tx.tenantId])).rows[0] ?? null;
}

/** Entries below this number may be gone, and the public log does not give their bundles. */
export async function readMinimumIndex(tx: Tx): Promise<number> {
  return exactlyOne(await tx.query<{ floor: number }>(selectMinimumIndex, [tx.tenantId]), 'minimum index')
    .floor;
}

/** When and under which policy an entry was removed; null: it was not. */
export async function readPrunedEntry(
  tx: Tx,
  seq: number,
): Promise<{ readonly begunAt: Date; readonly policyRevision: number } | null> {
  const values = [tx.tenantId, Math.floor(seq / tileWidth), seq % tileWidth];
  const { rows } = await tx.query<{ begunAt: Date; policyRevision: number }>(selectPrunedEntry, values);
  return rows[0] ?? null;
}

/** Why an entry is not there. */
export async function entryMissing(tx: Tx, seq: number): Promise<Error> {
  const pruned = await readPrunedEntry(tx, seq);
  if (pruned === null) return notFound('event', String(seq));
  return auditError(
    'ERR_AUDIT_PRUNED',
    `event ${seq} was pruned under revision ${pruned.policyRevision} of the retention policy; its hash still stands in the log`,
    { details: { seq, policyRevision: pruned.policyRevision, prunedAt: pruned.begunAt.toISOString() } },
  );
}

/** Executor of `audit.change_retention`. */
export async function changeRetention(
  {
    database,
    audit,
    clock,
  }: { readonly database: Database; readonly audit: () => AuditSink<Tx>; readonly clock: Clock },
  { tenantId, payload, proposedBy, approvedBy, proposalId }: Approved,
): Promise<unknown> {
  const { days: given, text } = payload as { readonly days: unknown; readonly text: string }; // the route's own payload
  const days = retentionDaysSchema.parse(given);
  return database.withTenant(tenantId, async (tx) => {
    const values = [tenantId, JSON.stringify(days), text, proposalId, proposedBy, approvedBy.id, clock.now()];
    const { revision } = exactlyOne(await tx.query<{ revision: number }>(insertRetention, values), 'policy');
    await audit().append(tx, {
      definition: retentionChanged,
      tenantId,
      outcome: 'success',
      actor: approvedBy,
      targets: [{ type: 'audit.retention', id: String(revision) }],
      detail: { revision, days: days as Record<string, number>, approvalId: proposalId, proposedBy }, // left-out ones are not there
    });
    return { revision };
  });
}
