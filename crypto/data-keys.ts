import type { Tx } from '../db/index.ts';
import type { KeyId, SubjectId } from '../kernel/index.ts';
import { renewAtMessages, type DataKey, type OnUncounted } from './data-key.ts';
import { cryptoError } from './errors.ts';
import { makeKeys, type FreshKey } from './make-keys.ts';
import type { RandomPool } from './nonce-pool.ts';
import { renewKeys } from './rotation/renew-keys.ts';
import { kidOf, openKeyRow, requireUsable, type FoundKey, type KeyRow } from './stored-key.ts';
import { insertPurposeKey, insertSubjectKeys, readKeys, readPurposeKey, readSubjectKeys } from './store.ts';
import type { TenantKeys } from './tenant-keys.ts';
import type { TransactionKeys } from './transaction-keys.ts';
import type { KeyScope } from './types.ts';

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
  /** With the caller's commit every process drops these keys. */
  readonly purgeKeys: (tx: Tx, kids: readonly KeyId[]) => Promise<void>;
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
        for (const row of rows) found.set(kidOf(row), await openKeyRow(tx, deps, row));
      }
      return found;
    },
  });
}

function neither(): never {
  throw cryptoError('ERR_CRYPTO_KEY', 'a data key could neither be read nor made; try again');
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
    if (await renewWorn(tx, deps, rows)) continue;
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

/** Replaces keys that have sealed nearly as much as they may, before they refuse. @returns whether there were any */
async function renewWorn(tx: Tx, deps: DataKeysDeps, rows: readonly KeyRow[]): Promise<boolean> {
  const worn = rows.filter(({ state, messages }) => state === 'active' && messages >= renewAtMessages);
  if (worn.length === 0) return false;
  const kids = worn.map(({ kid }) => kid);
  const anyKey = { subjectId: null, purpose: null, before: null, afterKid: null };
  const renewed = await renewKeys(tx, deps, { ...anyKey, kids, limit: kids.length });
  return renewed.length > 0;
}

function keep(tx: Tx, deps: DataKeysDeps, keys: Map<SubjectId, DataKey>, key: DataKey): void {
  deps.keysOf(tx).add(key);
  if (key.scope.kind === 'subject') keys.set(key.scope.subjectId, key);
}

async function purposeKey(tx: Tx, deps: DataKeysDeps, purpose: string): Promise<DataKey> {
  const readOnce = async (): Promise<readonly KeyRow[]> =>
    (await tx.query<KeyRow>(readPurposeKey, [tx.tenantId, purpose])).rows;
  const read = async (): Promise<KeyRow | undefined> => {
    const rows = await readOnce();
    return (await renewWorn(tx, deps, rows)) ? (await readOnce())[0] : rows[0];
  };
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
