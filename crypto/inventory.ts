import type { Tx } from '../db/index.ts';
import type { KeyId } from '../kernel/index.ts';
import { countSubjectKeys, readEpochs, readPurposeKeys } from './store-inventory.ts';
import { readLedger } from './erasure/store.ts';
import type { KeyStatus, LedgerEntry } from './types.ts';

type EpochRow = {
  readonly epoch: number;
  readonly state: KeyStatus['epochs'][number]['state'];
  readonly created_at: Date;
  readonly keys: number;
};
type PurposeRow = {
  readonly purpose: string;
  readonly kid: Buffer;
  readonly created_at: Date;
  readonly state: string;
  readonly messages: number;
};
type LedgerRow = {
  readonly id: string;
  readonly kid: Buffer;
  readonly epoch: number;
  readonly subject_hash: Buffer;
  readonly request_id: string;
  readonly reason: string;
  readonly actor_kind: string;
  readonly actor_id: string;
  readonly shredded_at: Date;
};

const kidOf = (kid: Buffer): KeyId => kid.toString('hex') as KeyId; // the column holds eight bytes

/** Counts and ages of the tenant's keys. */
export async function readInventory(tx: Tx): Promise<Omit<KeyStatus, 'provider'>> {
  const { rows: epochs } = await tx.query<EpochRow>(readEpochs, [tx.tenantId]);
  const { rows: subjects } = await tx.query<{ active: number; shredded: number }>(countSubjectKeys, [
    tx.tenantId,
  ]);
  const { rows: purposes } = await tx.query<PurposeRow>(readPurposeKeys, [tx.tenantId]);
  return {
    epochs: epochs.map(({ epoch, state, created_at, keys }) => ({
      epoch,
      state,
      createdAt: created_at,
      keys,
    })),
    subjects: { active: subjects[0]?.active ?? 0, shredded: subjects[0]?.shredded ?? 0 },
    tenantKeys: purposes.map(({ purpose, kid, created_at, state, messages }) => ({
      purpose,
      kid: kidOf(kid),
      createdAt: created_at,
      state,
      messages,
    })),
  };
}

/** One page of the shred ledger, newest first. */
export async function readLedgerPage(
  tx: Tx,
  page: { readonly after: string | null; readonly limit: number },
): Promise<readonly LedgerEntry[]> {
  const { rows } = await tx.query<LedgerRow>(readLedger, [tx.tenantId, page.after, page.limit]);
  return rows.map((row) => ({
    id: row.id,
    kid: kidOf(row.kid),
    epoch: row.epoch,
    subjectHash: row.subject_hash.toString('hex'),
    requestId: row.request_id,
    reason: row.reason,
    actor: { kind: row.actor_kind, id: row.actor_id },
    shreddedAt: row.shredded_at,
  }));
}
