import type { Tx } from '../../db/index.ts';
import type { KeyId, SubjectId } from '../../kernel/index.ts';
import type { OnUncounted } from '../data-key.ts';
import { cryptoError } from '../errors.ts';
import { makeKeys } from '../make-keys.ts';
import type { RandomPool } from '../nonce-pool.ts';
import { lockCurrentKeys, supersedeKeys } from '../store-rotation.ts';
import { insertPurposeKey, insertSubjectKeys } from '../store.ts';
import type { TenantKeys } from '../tenant-keys.ts';
import type { TransactionKeys } from '../transaction-keys.ts';
import type { KeyScope } from '../types.ts';

/** What replacing data keys needs. */
export type RenewDeps = {
  readonly tenantKeys: TenantKeys;
  readonly keysOf: (tx: Tx) => TransactionKeys;
  readonly random: RandomPool;
  readonly onUncounted: OnUncounted;
  /** With the caller's commit every process drops these keys. */
  readonly purgeKeys: (tx: Tx, kids: readonly KeyId[]) => Promise<void>;
};

/** Which current keys are replaced; what is null does not narrow. */
export type KeySelection = {
  readonly kids: readonly Buffer[] | null;
  readonly subjectId: string | null;
  readonly purpose: string | null;
  /** Made before this moment. */
  readonly before: Date | null;
  readonly afterKid: Buffer | null;
  readonly limit: number;
};

type Locked = {
  readonly kid: Buffer;
  readonly subject_id: SubjectId | null;
  readonly purpose: string | null;
};

/**
 * Replaces data keys by new ones: the old rows are superseded and open for ever what they sealed, until they are
 * shredded. Shredded people and keys whose output is compared (index, mac) are left as they are.
 *
 * @returns the ids of the keys that were replaced, in their order
 */
export async function renewKeys(tx: Tx, deps: RenewDeps, which: KeySelection): Promise<readonly Buffer[]> {
  const { kids, subjectId, purpose, before, afterKid, limit } = which;
  const selection = [tx.tenantId, kids, subjectId, purpose, before, afterKid, limit];
  const { rows } = await tx.query<Locked>(lockCurrentKeys, selection);
  if (rows.length === 0) return [];
  const old = rows.map(({ kid }) => kid);
  // The old row gives up its place first: one person has one current key at any moment.
  await tx.query(supersedeKeys, [tx.tenantId, old]);
  const people = rows.flatMap(({ subject_id: id }): KeyScope[] =>
    id === null ? [] : [{ kind: 'subject', subjectId: id }],
  );
  await insertForPeople(tx, deps, people);
  for (const row of rows) if (row.purpose !== null) await insertForPurpose(tx, deps, row.purpose);
  const ids = old.map((kid) => kid.toString('hex') as KeyId); // the column holds eight bytes
  deps.keysOf(tx).forget(ids);
  await deps.purgeKeys(tx, ids);
  return old;
}

async function insertForPeople(tx: Tx, deps: RenewDeps, scopes: readonly KeyScope[]): Promise<void> {
  if (scopes.length === 0) return;
  const { epoch, countedAhead, keys, blob } = makeKeys(
    tx.tenantId,
    deps,
    await deps.tenantKeys.active(tx),
    scopes,
  );
  const { rowCount } = await tx.query(insertSubjectKeys, [
    tx.tenantId,
    epoch,
    countedAhead,
    keys.length,
    blob,
  ]);
  if (rowCount !== keys.length) throw lost();
}

/** A new key of a purpose; its predecessor has given up its place. */
export async function insertForPurpose(tx: Tx, deps: RenewDeps, purpose: string): Promise<Buffer> {
  const scope: KeyScope = { kind: 'tenant', purpose };
  const { epoch, countedAhead, keys, blob } = makeKeys(tx.tenantId, deps, await deps.tenantKeys.active(tx), [
    scope,
  ]);
  const { rowCount } = await tx.query(insertPurposeKey, [tx.tenantId, epoch, countedAhead, purpose, blob]);
  const [key] = keys;
  if (rowCount !== 1 || key === undefined) throw lost();
  return key.kidBytes;
}

const lost = (): Error =>
  cryptoError('ERR_CRYPTO_KEY', 'a data key was replaced by another process at this moment; try again');
