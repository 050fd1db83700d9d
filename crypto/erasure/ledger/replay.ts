import type { Database, Tx } from '../../../db/index.ts';
import type { AuditSink, KeyId, TenantId } from '../../../kernel/index.ts';
import { ledgerReplayed } from '../events.ts';
import type { Purge } from '../../purge.ts';
import type { LedgerRecord } from './ledger-line.ts';
import { insertReplayedTombstones, readNotShredded, replayLedger, replayShreds } from './store.ts';

/** What replaying needs. */
export type ReplayDeps = {
  readonly database: Database;
  readonly audit: () => AuditSink<Tx>;
  readonly purge: Purge;
  /** Makes sure the tenant has keys before a transaction needs them. */
  readonly warm: (tenantId: TenantId) => Promise<void>;
};

/** What was done for one tenant. */
export type Replayed = { readonly keys: number; readonly requests: readonly string[] };

const recordsPerTransaction = 500;

/** Destroys what the ledger says was destroyed and this database still has. */
export async function replay(
  deps: ReplayDeps,
  tenantId: TenantId,
  records: readonly LedgerRecord[],
): Promise<Replayed> {
  const requests = new Set<string>();
  let keys = 0;
  for (let at = 0; at < records.length; at += recordsPerTransaction) {
    const part = records.slice(at, at + recordsPerTransaction);
    const missing = await deps.database.withTenant(tenantId, (tx) => notShredded(tx, part));
    if (missing.length === 0) continue;
    if (keys === 0) await deps.warm(tenantId);
    await deps.database.withTenant(tenantId, (tx) => replayPart(tx, deps, missing));
    keys += missing.length;
    for (const { request } of missing) requests.add(request);
  }
  return { keys, requests: [...requests] };
}

async function notShredded(tx: Tx, part: readonly LedgerRecord[]): Promise<readonly LedgerRecord[]> {
  const { rows } = await tx.query<{ kid: string }>(readNotShredded, [tx.tenantId, part.map(kidBytes)]);
  const open = new Set(rows.map(({ kid }) => kid));
  return part.filter(({ kid }) => open.delete(kid)); // one record per key, however many files name it
}

const kidBytes = ({ kid }: LedgerRecord): Buffer => Buffer.from(kid, 'hex');

async function replayPart(tx: Tx, deps: ReplayDeps, records: readonly LedgerRecord[]): Promise<void> {
  const kids = records.map(kidBytes);
  const times = records.map(({ at }) => at);
  const requests = records.map(({ request }) => request);
  await tx.query(replayShreds, [tx.tenantId, kids, times, requests]);
  await tx.query(insertReplayedTombstones, [tx.tenantId, kids, times, requests]);
  await tx.query(replayLedger, [
    tx.tenantId,
    records.map(({ id }) => id),
    kids,
    records.map(({ subject }) => Buffer.from(subject, 'hex')),
    requests,
    records.map(({ reason }) => reason),
    records.map(({ actorKind }) => actorKind),
    records.map(({ actorId }) => actorId),
    times,
  ]);
  await deps.purge.keys(
    tx,
    records.map(({ kid }) => kid as KeyId), // the record's schema says so
  );
  await deps.audit().append(tx, {
    definition: ledgerReplayed,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: { kind: 'system', id: 'crypto', displayName: 'Shred ledger' },
    targets: [...new Set(requests)].slice(0, 100).map((id) => ({ type: 'dsr.request', id })),
    detail: { kids: records.map(({ kid }) => kid), requests: [...new Set(requests)] },
  });
}
