import type { Tx } from '../db/index.ts';
import type { KeyId, SubjectId } from '../kernel/index.ts';
import { createDataKey, type DataKey } from './data-key.ts';
import type { DataKeysDeps } from './data-keys.ts';
import { cryptoError } from './errors.ts';
import type { KeyScope, Shredded } from './types.ts';
import { unwrapDataKey } from './wrap.ts';

/** A key asked for by id: usable, destroyed, or a row that does not open. */
export type FoundKey = DataKey | Shredded | { readonly kind: 'broken' };

/** A row of `crypto.dek`. */
export type KeyRow = {
  readonly kid: Buffer;
  readonly subject_id: SubjectId | null;
  readonly purpose: string | null;
  readonly epoch: number;
  readonly wrapped: Buffer | null;
  readonly commitment: Buffer | null;
  readonly state: 'active' | 'superseded' | 'shredded';
  readonly messages: number;
  readonly shredded_at: Date | null;
  readonly shred_request: string | null;
  readonly poison: boolean;
};

/** The key id as text. */
export const kidOf = (row: { readonly kid: Buffer }): KeyId => row.kid.toString('hex') as KeyId; // the column holds eight bytes

/** Unwraps what a row holds, and keeps it for the transaction. */
export async function openKeyRow(tx: Tx, deps: DataKeysDeps, row: KeyRow): Promise<FoundKey> {
  const kid = kidOf(row);
  if (row.state === 'shredded' || row.wrapped === null || row.commitment === null) {
    return {
      kind: 'shredded',
      kid,
      requestId: row.shred_request,
      shreddedAt: row.shredded_at ?? new Date(0),
    };
  }
  const { tenantId } = tx;
  const scope: KeyScope =
    row.subject_id === null
      ? { kind: 'tenant', purpose: row.purpose ?? '' }
      : { kind: 'subject', subjectId: row.subject_id };
  const tenantKey = await deps.tenantKeys.byEpoch(tx, row.epoch);
  const material = unwrapDataKey(
    tenantKey,
    { tenantId, scope, kid: row.kid, commitment: row.commitment },
    row.wrapped,
  );
  if (material === null) return { kind: 'broken' };
  const counts = { messages: row.messages, countedAhead: 0, onUncounted: deps.onUncounted };
  const key = createDataKey({
    tenantId,
    kid,
    kidBytes: row.kid,
    scope,
    material,
    superseded: row.state === 'superseded',
    poison: row.poison,
    ...counts,
  });
  deps.keysOf(tx).add(key);
  return key;
}

/** As {@link openKeyRow} for sealing. @throws ERR_CRYPTO_SHREDDED, ERR_CRYPTO_KEY */
export async function requireUsable(tx: Tx, deps: DataKeysDeps, row: KeyRow): Promise<DataKey> {
  const found = await openKeyRow(tx, deps, row);
  if (found.kind === 'key') return found;
  if (found.kind === 'broken') {
    throw cryptoError(
      'ERR_CRYPTO_KEY',
      `data key ${kidOf(row)} does not open under its tenant key; nothing was sealed`,
    );
  }
  throw cryptoError(
    'ERR_CRYPTO_SHREDDED',
    'the key of this person was destroyed; nothing more can be stored about them',
    {
      details: { kid: found.kid, requestId: found.requestId },
    },
  );
}
