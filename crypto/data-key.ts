import type { KeyObject } from 'node:crypto';
import type { KeyId, TenantId } from '../kernel/index.ts';
import type { AeadKey } from './aead.ts';
import { deriveEncryptionKey, deriveIndexKey, deriveMacKey, type Suite } from './derive.ts';
import { cryptoError } from './errors.ts';
import type { KeyScope } from './types.ts';

/** Messages after which a data key seals no more: half of what SP 800-38D section 8.3 allows for random nonces. */
export const maxMessagesPerKey = 2 ** 31;

/** What names one blind index; the same object every time, so that its key is found by it. */
export type IndexName = {
  readonly type: string;
  readonly field: string;
  readonly name: string;
  readonly version: number;
};

/** Told of messages that the database does not know yet. */
export type OnUncounted = (tenantId: TenantId, kid: KeyId, messages: number) => void;

/** A data key in this process. Holds KeyObjects only; a plain record, because bulk work makes very many. */
export type DataKey = {
  readonly kind: 'key';
  readonly tenantId: TenantId;
  readonly kid: KeyId;
  readonly kidBytes: Buffer;
  readonly scope: KeyScope;
  readonly material: KeyObject;
  /** Messages counted in the database when the key was made or loaded. */
  readonly messages: number;
  /** How many of those were counted ahead and may still be sealed by this process. */
  readonly countedAhead: number;
  readonly onUncounted: OnUncounted;
  /** Messages sealed here since then. */
  sealed: number;
  field: AeadKey | null;
  row: AeadKey | null;
  mac: KeyObject | null;
  indexes: Map<IndexName, KeyObject> | null;
};

/** What a data key begins with. */
export type DataKeyParts = Omit<DataKey, 'kind' | 'sealed' | 'field' | 'row' | 'mac' | 'indexes'>;

/** Makes a usable data key; its use keys are derived on first use. */
export function createDataKey(parts: DataKeyParts): DataKey {
  const { tenantId, kid, kidBytes, scope, material, messages, countedAhead, onUncounted } = parts;
  const later = { sealed: 0, field: null, row: null, mac: null, indexes: null };
  return {
    kind: 'key',
    tenantId,
    kid,
    kidBytes,
    scope,
    material,
    messages,
    countedAhead,
    onUncounted,
    ...later,
  };
}

/** The key for one suite. */
export function encryptionKeyOf(key: DataKey, suite: Suite): AeadKey {
  if (suite === 0x01) return (key.field ??= deriveEncryptionKey(key.material, suite));
  return (key.row ??= deriveEncryptionKey(key.material, suite));
}

/** The key of one blind index. */
export function indexKeyOf(key: DataKey, index: IndexName): KeyObject {
  const known = key.indexes?.get(index);
  if (known !== undefined) return known;
  const derived = deriveIndexKey(key.material, index);
  if (key.indexes === null || key.indexes.size >= 1_000) key.indexes = new Map();
  key.indexes.set(index, derived);
  return derived;
}

/** The key of `mac`. */
export function macKeyOf(key: DataKey): KeyObject {
  return (key.mac ??= deriveMacKey(key.material));
}

/** Counts messages about to be sealed. @throws ERR_CRYPTO_KEY_EXHAUSTED */
export function countMessages(key: DataKey, messages: number): void {
  if (key.messages + key.sealed + messages > maxMessagesPerKey) throw exhausted(key.kid);
  key.sealed += messages;
  const beyond = Math.min(messages, key.sealed - key.countedAhead);
  if (beyond > 0) key.onUncounted(key.tenantId, key.kid, beyond);
}

function exhausted(kid: KeyId): Error {
  return cryptoError(
    'ERR_CRYPTO_KEY_EXHAUSTED',
    `data key ${kid} has sealed 2^31 messages and seals no more; data under it still opens`,
    { details: { kid } },
  );
}
