import type { Tx } from '../../db/index.ts';
import type { AuditSink, Clock, KeyId, NewId, SubjectId } from '../../kernel/index.ts';
import { cryptoError } from '../errors.ts';
import { keysShredded } from '../events.ts';
import type { RandomPool } from '../nonce-pool.ts';
import type { Purge } from '../purge.ts';
import type { ShredLedger } from './ledger/shred-ledger.ts';
import { insertLedger, insertTombstones, shredKeys } from './store.ts';
import type { TenantKeys } from '../tenant-keys.ts';
import type { TransactionKeys } from '../transaction-keys.ts';
import type { ShredReason } from '../types.ts';

/** What shredding needs. */
export type ShredDeps = {
  readonly tenantKeys: TenantKeys;
  readonly keysOf: (tx: Tx) => TransactionKeys;
  readonly random: RandomPool;
  readonly purge: Purge;
  readonly audit: () => AuditSink<Tx>;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly subjectHash: (tx: Tx, subjectId: SubjectId) => Promise<Buffer>;
  readonly shredLedger: Pick<ShredLedger, 'record'>;
  readonly mayShred?: MayShred;
};

/** Throws when the keys of one of these people must be kept, e.g. under a legal hold. */
export type MayShred = (tx: Tx, subjectIds: readonly SubjectId[]) => Promise<void>;

/** Which keys are gone, and where the ledger says so. */
export type ShredResult = { readonly kids: readonly KeyId[]; readonly ledgerIds: readonly string[] };

type ShreddedRow = { readonly kid: Buffer; readonly subject_id: SubjectId; readonly epoch: number };

const maxSubjects = 1_000;

/**
 * Destroys the keys of people: key content, ledger entry, audit event and purge, all with the caller's commit.
 * People who have no key yet get a tombstone, so that none is made for them later, not even by a transaction that
 * runs at this moment.
 */
export async function shred(
  tx: Tx,
  deps: ShredDeps,
  subjectIds: readonly SubjectId[],
  why: ShredReason,
): Promise<ShredResult> {
  const subjects = [...new Set(subjectIds)].toSorted();
  if (subjects.length === 0) return { kids: [], ledgerIds: [] };
  checkInput(subjects, why);
  await deps.mayShred?.(tx, subjects);
  const now = deps.clock.now();
  const { epoch } = await deps.tenantKeys.active(tx);
  const tombstones = subjects.map(() => newKid(deps.random));
  const placed = await tx.query(insertTombstones, [
    tx.tenantId,
    epoch,
    tombstones,
    subjects,
    now,
    why.requestId,
  ]);
  const { rows } = await tx.query<ShreddedRow>(shredKeys, [tx.tenantId, subjects, now, why.requestId]);
  const kids = rows.map((row) => row.kid.toString('hex') as KeyId); // the column holds eight bytes
  const ledgerIds = rows.map(() => deps.newId());
  deps.keysOf(tx).forget(kids);
  await writeLedger(tx, deps, rows, ledgerIds, why, now);
  await deps.purge.keys(tx, kids);
  await deps.audit().append(tx, {
    definition: keysShredded,
    tenantId: tx.tenantId,
    outcome: 'success',
    actor: why.actor,
    targets: [{ type: 'dsr.request', id: why.requestId }, ...kids.map((id) => ({ type: 'crypto.key', id }))],
    subjects,
    detail: { requestId: why.requestId, reason: why.reason, kids, ledgerIds, withoutKey: placed.rowCount },
  });
  return { kids, ledgerIds };
}

function checkInput(subjects: readonly SubjectId[], why: ShredReason): void {
  if (subjects.length > maxSubjects)
    throw cryptoError('ERR_CRYPTO_INPUT', `at most ${maxSubjects} people are shredded at once`);
  if (why.requestId === '' || why.requestId.length > 200)
    throw cryptoError('ERR_CRYPTO_INPUT', 'the request id must have 1 to 200 characters');
  if (why.reason === '' || why.reason.length > 500)
    throw cryptoError('ERR_CRYPTO_INPUT', 'the reason must have 1 to 500 characters');
}

function newKid(random: RandomPool): Buffer {
  const kid = Buffer.allocUnsafeSlow(8);
  random.fill(kid, 0, 8);
  return kid;
}

async function writeLedger(
  tx: Tx,
  deps: ShredDeps,
  rows: readonly ShreddedRow[],
  ids: readonly string[],
  why: ShredReason,
  now: Date,
): Promise<void> {
  if (rows.length === 0) return;
  const hashes: Buffer[] = [];
  for (const row of rows) hashes.push(await deps.subjectHash(tx, row.subject_id));
  const { requestId, reason, actor } = why;
  await tx.query(insertLedger, [
    tx.tenantId,
    ids,
    rows.map((row) => row.kid),
    rows.map((row) => row.epoch),
    hashes,
    requestId,
    reason,
    actor.kind,
    actor.id,
    now,
  ]);
  const records = rows.map((row, index) => ({
    tenant: tx.tenantId,
    id: ids[index] ?? '',
    kid: row.kid.toString('hex'),
    epoch: row.epoch,
    subject: hashes[index]?.toString('hex') ?? '',
    request: requestId,
    reason,
    actorKind: actor.kind,
    actorId: actor.id,
    at: now.toISOString(),
  }));
  deps.shredLedger.record(tx, records);
}
