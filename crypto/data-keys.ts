import { createSecretKey } from 'node:crypto';
import type { Tx } from '../db/index.ts';
import type { KeyId, SubjectId, TenantId } from '../kernel/index.ts';
import { createDataKey, type DataKey } from './data-key.ts';
import { dataKeyCommitment, keyBytes } from './derive.ts';
import { cryptoError } from './errors.ts';
import { lookupKid, lookupScope } from './key-cache.ts';
import type { RandomPool } from './nonce-pool.ts';
import { insertKeys, readKeys, readPurposeKey, readSubjectKeys } from './store.ts';
import type { TenantKeys } from './tenant-keys.ts';
import type { TransactionKeys } from './transaction-keys.ts';
import type { KeyScope, Shredded } from './types.ts';
import { unwrapDataKey, wrapDataKey, type TenantKey } from './wrap.ts';

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
  readonly onUncounted: (tenantId: TenantId, kid: KeyId, messages: number) => void;
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

/** Messages that a new key is credited with at once, so that most keys never need a second count. */
export const messagesCountedAhead = 1_024;
const keysPerStatement = 5_000;
const attempts = 3;

/** Makes the part. */
export function createDataKeys(deps: DataKeysDeps): DataKeys {
  return Object.freeze({
    forScope: async (tx: Tx, scope: KeyScope) => {
      const known = deps.keysOf(tx).find(lookupScope(scope));
      if (known !== null) return known;
      return exactly(await loadOrCreate(tx, deps, [scope]), lookupScope(scope));
    },
    forSubjects: async (tx: Tx, subjectIds: Iterable<SubjectId>) => {
      const keys = new Map<SubjectId, DataKey>();
      const missing: KeyScope[] = [];
      for (const subjectId of new Set(subjectIds)) {
        const known = deps.keysOf(tx).find(`s:${subjectId}`);
        if (known === null) missing.push({ kind: 'subject', subjectId });
        else keys.set(subjectId, known);
      }
      for (let at = 0; at < missing.length; at += keysPerStatement) {
        const part = missing.slice(at, at + keysPerStatement);
        for (const key of (await loadOrCreate(tx, deps, part)).values()) {
          if (key.scope.kind === 'subject') keys.set(key.scope.subjectId, key);
        }
      }
      return keys;
    },
    byKids: async (tx: Tx, kids: Iterable<KeyId>) => {
      const found = new Map<KeyId, FoundKey>();
      const missing: KeyId[] = [];
      for (const kid of new Set(kids)) {
        const known = deps.keysOf(tx).find(lookupKid(kid));
        if (known === null) missing.push(kid);
        else found.set(kid, known);
      }
      if (missing.length > 0) await deps.listen();
      for (let at = 0; at < missing.length; at += keysPerStatement) {
        const part = missing.slice(at, at + keysPerStatement).map((kid) => Buffer.from(kid, 'hex'));
        const { rows } = await tx.query<KeyRow>(readKeys, [tx.tenantId, part]);
        for (const row of rows) found.set(kidOf(row), await openRow(tx, deps, row));
      }
      return found;
    },
  });
}

function exactly(keys: ReadonlyMap<string, DataKey>, name: string): DataKey {
  const key = keys.get(name);
  if (key === undefined)
    throw cryptoError('ERR_CRYPTO_KEY', 'a data key could neither be read nor made; try again');
  return key;
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
  const scope: KeyScope =
    row.subject_id === null
      ? { kind: 'tenant', purpose: row.purpose ?? '' }
      : { kind: 'subject', subjectId: row.subject_id };
  const tenantKey = await deps.tenantKeys.byEpoch(tx, row.epoch);
  const binding = { tenantId: tx.tenantId, scope, kid: row.kid, commitment: row.commitment };
  const material = unwrapDataKey(tenantKey, binding, row.wrapped);
  if (material === null) return { kind: 'broken' };
  const { tenantId } = tx;
  const onUncounted = (id: KeyId, messages: number): void => deps.onUncounted(tenantId, id, messages);
  const parts = {
    tenantId,
    kid,
    kidBytes: row.kid,
    scope,
    material,
    messages: row.messages,
    countedAhead: 0,
  };
  const key = createDataKey({ ...parts, onUncounted });
  deps.keysOf(tx).add(key);
  return key;
}

/** Reads what is there, makes what is not; an insert that lost to another transaction is read again. */
async function loadOrCreate(
  tx: Tx,
  deps: DataKeysDeps,
  scopes: readonly KeyScope[],
): Promise<Map<string, DataKey>> {
  await deps.listen();
  const keys = new Map<string, DataKey>();
  let missing = scopes;
  for (let attempt = 1; attempt <= attempts && missing.length > 0; attempt += 1) {
    for (const row of await readScopes(tx, missing)) {
      const found = await openRow(tx, deps, row);
      if (!('kind' in found)) keys.set(lookupScope(found.scope), found);
      else if (found.kind === 'shredded') throw shredded(found);
      else
        throw cryptoError(
          'ERR_CRYPTO_KEY',
          `data key ${kidOf(row)} does not open under its tenant key; nothing was sealed`,
        );
    }
    const absent = missing.filter((scope) => !keys.has(lookupScope(scope)));
    for (const key of await createKeys(tx, deps, absent)) keys.set(lookupScope(key.scope), key);
    missing = absent.filter((scope) => !keys.has(lookupScope(scope)));
  }
  return keys;
}

function shredded(found: Shredded): Error {
  return cryptoError(
    'ERR_CRYPTO_SHREDDED',
    'the key of this person was destroyed; nothing more can be stored about them',
    {
      details: { kid: found.kid, requestId: found.requestId },
    },
  );
}

async function readScopes(tx: Tx, scopes: readonly KeyScope[]): Promise<readonly KeyRow[]> {
  const subjects = scopes.flatMap((scope) => (scope.kind === 'subject' ? [scope.subjectId] : []));
  const rows: KeyRow[] = [];
  if (subjects.length > 0)
    rows.push(...(await tx.query<KeyRow>(readSubjectKeys, [tx.tenantId, subjects])).rows);
  for (const scope of scopes) {
    if (scope.kind === 'tenant')
      rows.push(...(await tx.query<KeyRow>(readPurposeKey, [tx.tenantId, scope.purpose])).rows);
  }
  return rows;
}

type FreshKey = { readonly key: DataKey; readonly wrapped: Buffer; readonly commitment: Buffer };

async function createKeys(
  tx: Tx,
  deps: DataKeysDeps,
  scopes: readonly KeyScope[],
): Promise<readonly DataKey[]> {
  if (scopes.length === 0) return [];
  const tenantKey = await deps.tenantKeys.active(tx);
  // In one order everywhere, so that two transactions with the same people wait instead of deadlocking.
  const ordered = scopes.toSorted((left, right) => (lookupScope(left) < lookupScope(right) ? -1 : 1));
  const fresh = ordered.map((scope) => generate(tx.tenantId, deps, tenantKey, scope));
  const { rows } = await tx.query<{ kid: Buffer }>(insertKeys, [
    tx.tenantId,
    tenantKey.epoch,
    messagesCountedAhead,
    fresh.map(({ key }) => key.kidBytes),
    fresh.map(({ key }) => (key.scope.kind === 'subject' ? key.scope.subjectId : null)),
    fresh.map(({ key }) => (key.scope.kind === 'tenant' ? key.scope.purpose : null)),
    fresh.map(({ wrapped }) => wrapped),
    fresh.map(({ commitment }) => commitment),
  ]);
  const inserted = new Set(rows.map(kidOf));
  const created = fresh.map(({ key }) => key).filter((key) => inserted.has(key.kid));
  for (const key of created) deps.keysOf(tx).add(key);
  return created;
}

function generate(tenantId: TenantId, deps: DataKeysDeps, tenantKey: TenantKey, scope: KeyScope): FreshKey {
  const kidBytes = Buffer.allocUnsafeSlow(8);
  deps.random.fill(kidBytes, 0, 8);
  const bytes = Buffer.allocUnsafeSlow(keyBytes);
  deps.random.fill(bytes, 0, keyBytes);
  const material = createSecretKey(bytes);
  const commitment = dataKeyCommitment(material);
  const wrapped = wrapDataKey(tenantKey, { tenantId, scope, kid: kidBytes, commitment }, bytes, deps.random);
  bytes.fill(0);
  const kid = kidBytes.toString('hex') as KeyId; // eight bytes are sixteen hex digits
  const onUncounted = (id: KeyId, messages: number): void => deps.onUncounted(tenantId, id, messages);
  const counts = { messages: messagesCountedAhead, countedAhead: messagesCountedAhead };
  const key = createDataKey({ tenantId, kid, kidBytes, scope, material, ...counts, onUncounted });
  return { key, wrapped, commitment };
}
