import type { Tx } from '../db/index.ts';
import type { KeyId, SubjectId } from '../kernel/index.ts';
import { createDataKey, type DataKey, type OnUncounted } from './data-key.ts';
import { cryptoError } from './errors.ts';
import { makeKeys, type FreshKey } from './make-keys.ts';
import type { RandomPool } from './nonce-pool.ts';
import { insertPurposeKey, insertSubjectKeys, readKeys, readPurposeKey, readSubjectKeys } from './store.ts';
import type { TenantKeys } from './tenant-keys.ts';
import type { TransactionKeys } from './transaction-keys.ts';
import type { KeyScope, Shredded } from './types.ts';
import { unwrapDataKey } from './wrap.ts';

/** A key asked for by id: usable, destroyed, or a row that does not open. */
export type FoundKey = DataKey | Shredded | { readonly kind: 'broken' };

/** Data keys of people and purposes. */
export type DataKeys = {
  /** Made on first use. @throws ERR_CRYPTO_SHREDDED */
  readonly forScope: (tx: Tx, scope: KeyScope) => Promise<DataKey>;
  /** Missing ones are made in one statement. @throws ERR_CRYPTO_SHREDDED */
  readonly forSubjects: (tx: Tx, subjectIds: Iterable<SubjectId>) => Promise<ReadonlyMap<SubjectId, DataKey>>;
  /** Unknown ids are absent from the result. */
  readonly byKids: (tx: Tx, kids: Iterable<KeyId>) => Promise<ReadonlyMap<KeyId, FoundKey>>;
};

/** What the part needs. */
export type DataKeysDeps = {
  readonly tenantKeys: TenantKeys;
  readonly keysOf: (tx: Tx) => TransactionKeys;
  readonly random: RandomPool;
  /** Awaited before keys are read; the cache opens only once purges are heard. */
  readonly listen: () => Promise<void>;
  readonly onUncounted: OnUncounted;
};

type KeyRow = {
  readonly kid: Buffer;
  readonly subject_id: SubjectId | null;
  readonly purpose: string | null;
  readonly epoch: number;
  readonly wrapped: Buffer | null;
  readonly commitment: Buffer | null;
  readonly state: 'active' | 'shredded';
  readonly messages: number;
  readonly shredded_at: Date | null;
  readonly shred_request: string | null;
};

const keysPerStatement = 5_000;
const attempts = 3;

/** Makes the part. */
export function createDataKeys(deps: DataKeysDeps): DataKeys {
  return Object.freeze({
    forScope: async (tx: Tx, scope: KeyScope) => {
      const known = deps.keysOf(tx).byScope(scope);
      if (known !== null) return known;
      await deps.listen();
      if (scope.kind === 'tenant') return purposeKey(tx, deps, scope.purpose);
      const key = (await subjectKeys(tx, deps, [scope.subjectId])).get(scope.subjectId);
      return key ?? neither();
    },
    forSubjects: async (tx: Tx, subjectIds: Iterable<SubjectId>) => {
      const keys = new Map<SubjectId, DataKey>();
      const missing: SubjectId[] = [];
      for (const subjectId of new Set(subjectIds)) {
        const known = deps.keysOf(tx).byScope({ kind: 'subject', subjectId });
        if (known === null) missing.push(subjectId);
        else keys.set(subjectId, known);
      }
      if (missing.length > 0) await deps.listen();
      for (let at = 0; at < missing.length; at += keysPerStatement) {
        const part = await subjectKeys(tx, deps, missing.slice(at, at + keysPerStatement));
        for (const [subjectId, key] of part) keys.set(subjectId, key);
      }
      return keys;
    },
    byKids: async (tx: Tx, kids: Iterable<KeyId>) => {
      const found = new Map<KeyId, FoundKey>();
      const missing: KeyId[] = [];
      for (const kid of new Set(kids)) {
        const known = deps.keysOf(tx).byKid(kid);
        if (known === null) missing.push(kid);
        else found.set(kid, known);
      }
      if (missing.length > 0) await deps.listen();
      for (let at = 0; at < missing.length; at += keysPerStatement) {
        const part = missing.slice(at, at + keysPerStatement).map((kid) => `"\\\\x${kid}"`);
        const { rows } = await tx.query<KeyRow>(readKeys, [tx.tenantId, `{${part.join(',')}}`]);
        for (const row of rows) found.set(kidOf(row), await openRow(tx, deps, row));
      }
      return found;
    },
  });
}

function neither(): never {
  throw cryptoError('ERR_CRYPTO_KEY', 'a data key could neither be read nor made; try again');
}

const kidOf = (row: { readonly kid: Buffer }): KeyId => row.kid.toString('hex') as KeyId; // the column holds eight bytes

async function openRow(tx: Tx, deps: DataKeysDeps, row: KeyRow): Promise<FoundKey> {
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
  const key = createDataKey({ tenantId, kid, kidBytes: row.kid, scope, material, ...counts });
  deps.keysOf(tx).add(key);
  return key;
}

async function requireUsable(tx: Tx, deps: DataKeysDeps, row: KeyRow): Promise<DataKey> {
  const found = await openRow(tx, deps, row);
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

/** Reads what is there, makes what is not; when an insert lost to another transaction, all are read again. */
async function subjectKeys(
  tx: Tx,
  deps: DataKeysDeps,
  subjectIds: readonly SubjectId[],
): Promise<Map<SubjectId, DataKey>> {
  const keys = new Map<SubjectId, DataKey>();
  let missing = subjectIds;
  for (let attempt = 1; attempt <= attempts && missing.length > 0; attempt += 1) {
    const { rows } = await tx.query<KeyRow>(readSubjectKeys, [tx.tenantId, `{${missing.join(',')}}`]);
    for (const row of rows)
      if (row.subject_id !== null) keys.set(row.subject_id, await requireUsable(tx, deps, row));
    // In one order everywhere, so that two transactions with the same people wait instead of deadlocking.
    missing = missing.filter((subjectId) => !keys.has(subjectId)).toSorted();
    if (missing.length === 0) break;
    const fresh = makeKeys(
      tx.tenantId,
      deps,
      await deps.tenantKeys.active(tx),
      missing.map((subjectId) => ({ kind: 'subject', subjectId })),
    );
    const { rowCount } = await tx.query(insertSubjectKeys, [
      tx.tenantId,
      fresh.epoch,
      fresh.countedAhead,
      fresh.keys.length,
      fresh.blob,
    ]);
    if (rowCount !== fresh.keys.length) continue;
    for (const key of fresh.keys) keep(tx, deps, keys, key);
    missing = [];
  }
  return missing.length === 0 ? keys : neither();
}

function keep(tx: Tx, deps: DataKeysDeps, keys: Map<SubjectId, DataKey>, key: DataKey): void {
  deps.keysOf(tx).add(key);
  if (key.scope.kind === 'subject') keys.set(key.scope.subjectId, key);
}

async function purposeKey(tx: Tx, deps: DataKeysDeps, purpose: string): Promise<DataKey> {
  const read = async (): Promise<KeyRow | undefined> =>
    (await tx.query<KeyRow>(readPurposeKey, [tx.tenantId, purpose])).rows[0];
  const before = await read();
  if (before !== undefined) return requireUsable(tx, deps, before);
  const fresh: FreshKey = makeKeys(tx.tenantId, deps, await deps.tenantKeys.active(tx), [
    { kind: 'tenant', purpose },
  ]);
  const [key] = fresh.keys;
  const values = [tx.tenantId, fresh.epoch, fresh.countedAhead, purpose, fresh.blob];
  const { rowCount } = await tx.query(insertPurposeKey, values);
  if (rowCount === 1 && key !== undefined) {
    deps.keysOf(tx).add(key);
    return key;
  }
  const after = await read();
  return after === undefined ? neither() : requireUsable(tx, deps, after);
}
