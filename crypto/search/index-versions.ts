import type { KeyObject } from 'node:crypto';
import type { Tx } from '../../db/index.ts';
import type { KeyId, TenantId } from '../../kernel/index.ts';
import { indexKeyOf, type DataKey, type IndexName } from '../data-key.ts';
import type { DataKeys } from '../data-keys.ts';
import { cryptoError } from '../errors.ts';
import type { PlannedIndex } from '../plan.ts';
import type { TransactionKeys } from '../transaction-keys.ts';
import type { KeyScope } from '../types.ts';
import { readIndexVersions } from './store.ts';

/** The keys of a tenant's blind indexes, at hand. */
export type IndexKeys = {
  /** The key that new values are written with. */
  readonly writing: (index: PlannedIndex) => KeyObject;
  /** The keys of every version that rows may hold, the one for writing first. */
  readonly live: (index: PlannedIndex) => readonly KeyObject[];
};

/** Which versions of blind indexes live. */
export type IndexVersions = {
  readonly keysFor: (tx: Tx) => Promise<IndexKeys>;
  /** The same without a turn of the event loop; null when something has to be read first. */
  readonly atHand: (tx: Tx) => IndexKeys | null;
};

/** What the part needs. */
export type IndexVersionsDeps = {
  readonly dataKeys: DataKeys;
  readonly keysOf: (tx: Tx) => TransactionKeys;
  /** How long what was read may be used; a rotation waits longer than this between its steps. */
  readonly maxAgeMilliseconds: number;
};

/** How long a process may go on with what it knows of versions, by default. */
export const defaultVersionAge = 2_000;

type Version = { readonly version: number; readonly kid: KeyId; readonly writing: boolean };
type Known = {
  /** Null while the tenant has no index key at all. */
  readonly firstKid: KeyId | null;
  readonly versions: ReadonlyMap<string, readonly Version[]>;
  readonly readAt: number;
  /** Remembered for a tenant that never rotated an index. */
  one: { readonly key: DataKey; readonly keys: IndexKeys } | null;
};
type Row = {
  readonly first_kid: Buffer;
  readonly collection: string | null;
  readonly field: string | null;
  readonly name: string | null;
  readonly version: number | null;
  readonly kid: Buffer | null;
  readonly state: string | null;
};

const indexScope: KeyScope = Object.freeze({ kind: 'tenant', purpose: 'index' });
const maxTenants = 10_000;
const keyName = (type: string, field: string, name: string): string => `${type}\0${field}\0${name}`;
const toKid = (kid: Buffer): KeyId => kid.toString('hex') as KeyId; // the column holds eight bytes

/** Makes the part. */
export function createIndexVersions(deps: IndexVersionsDeps): IndexVersions {
  const tenants = new Map<TenantId, Known>();
  const known = async (tx: Tx): Promise<Known> => {
    const held = tenants.get(tx.tenantId);
    if (held !== undefined && performance.now() - held.readAt < deps.maxAgeMilliseconds) return held;
    const fresh = await read(tx);
    // While there is no index key nothing is kept: the first one is being made.
    if (fresh.firstKid !== null) {
      if (tenants.size >= maxTenants) tenants.clear();
      tenants.set(tx.tenantId, fresh);
    }
    return fresh;
  };
  const atHand = (tx: Tx): IndexKeys | null => {
    const held = tenants.get(tx.tenantId);
    if (held === undefined || held.versions.size > 0 || held.firstKid === null) return null;
    if (performance.now() - held.readAt >= deps.maxAgeMilliseconds) return null;
    const key = deps.keysOf(tx).byKid(held.firstKid);
    if (key === null) return null;
    if (held.one?.key !== key) held.one = { key, keys: keysOfOne(key) };
    return held.one.keys;
  };
  return Object.freeze({
    atHand,
    keysFor: async (tx: Tx) => {
      const { firstKid, versions } = await known(tx);
      if (firstKid === null) return keysOfOne(await deps.dataKeys.forScope(tx, indexScope));
      if (versions.size === 0) return keysOfOne(await keyOf(tx, deps, firstKid));
      const kids = new Set([firstKid, ...[...versions.values()].flat().map(({ kid }) => kid)]);
      const keys = new Map<KeyId, DataKey>();
      for (const kid of kids) keys.set(kid, await keyOf(tx, deps, kid));
      return keysOfMany(keys, firstKid, versions);
    },
  });
}

async function keyOf(tx: Tx, deps: IndexVersionsDeps, kid: KeyId): Promise<DataKey> {
  const key = deps.keysOf(tx).byKid(kid) ?? (await deps.dataKeys.byKids(tx, [kid])).get(kid);
  if (key?.kind !== 'key')
    throw cryptoError(
      'ERR_CRYPTO_KEY',
      `index key ${kid} does not open under its tenant key; nothing was indexed`,
    );
  return key;
}

async function read(tx: Tx): Promise<Known> {
  const readAt = performance.now();
  const { rows } = await tx.query<Row>(readIndexVersions, [tx.tenantId]);
  const versions = new Map<string, Version[]>();
  for (const { collection, field, name, version, kid, state } of rows) {
    if (collection === null || field === null || name === null || version === null || kid === null) continue;
    const list = versions.get(keyName(collection, field, name)) ?? [];
    list.push({ version, kid: toKid(kid), writing: state === 'writing' });
    versions.set(keyName(collection, field, name), list);
  }
  for (const list of versions.values())
    list.sort((left, right) => Number(right.writing) - Number(left.writing));
  const [first] = rows;
  return { firstKid: first === undefined ? null : toKid(first.first_kid), versions, readAt, one: null };
}

/** What nearly every tenant has: version 1 of everything, under one key. */
function keysOfOne(key: DataKey): IndexKeys {
  return {
    writing: ({ name }) => indexKeyOf(key, name),
    live: ({ name }) => [indexKeyOf(key, name)],
  };
}

function keysOfMany(
  keys: ReadonlyMap<KeyId, DataKey>,
  firstKid: KeyId,
  versions: ReadonlyMap<string, readonly Version[]>,
): IndexKeys {
  const live = ({ name }: PlannedIndex): readonly KeyObject[] => {
    const list = versions.get(keyName(name.type, name.field, name.name)) ?? [{ version: 1, kid: firstKid }];
    return list.flatMap(({ version, kid }) => {
      const key = keys.get(kid);
      return key === undefined ? [] : [indexKeyOf(key, versionOf(name, version))];
    });
  };
  return {
    live,
    writing: (index) => {
      const [key] = live(index);
      if (key === undefined)
        throw cryptoError('ERR_CRYPTO_KEY', `index "${index.name.name}" has no key; nothing was indexed`);
      return key;
    },
  };
}

/** The same object every time, because its key is remembered by it. */
const names = new WeakMap<IndexName, Map<number, IndexName>>();

/** The name of another version of an index. */
export function versionOf(name: IndexName, version: number): IndexName {
  if (version === name.version) return name;
  const known = names.get(name) ?? new Map<number, IndexName>();
  names.set(name, known);
  const named = known.get(version) ?? { ...name, version };
  known.set(version, named);
  return named;
}
