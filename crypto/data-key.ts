import type { KeyObject } from 'node:crypto';
import type { KeyId, TenantId } from '../kernel/index.ts';
import type { AeadKey } from './aead.ts';
import {
  dataKeyCommitment,
  deriveEncryptionKey,
  deriveIndexKey,
  deriveMacKey,
  type Suite,
} from './derive.ts';
import { cryptoError } from './errors.ts';
import type { KeyScope } from './types.ts';
import { createXaesKey, type XaesKey } from './xaes.ts';

/** Messages after which a data key seals no more with 96-bit nonces: half of what SP 800-38D section 8.3 allows. */
const maxMessagesPerKey = 2 ** 31;
/** Messages after which it seals no more at all; 192-bit nonces allow 2^80, a counter in the database fewer. */
const maxExtendedMessages = 2 ** 48;
/** Messages after which a tenant's key seals fields with 192-bit nonces (suite 02). */
const highVolume = 2 ** 24;

/** What names one blind index; the same object every time, so that its key is found by it. */
export type IndexName = {
  readonly type: string;
  readonly field: string;
  readonly name: string;
  readonly version: number;
};

/**
 * Messages after which a data key that is read anew is replaced before it seals more. What lies between is room for the
 * processes that still hold it: each seals at most 2^20 before it reads the key again.
 */
export const renewAtMessages = 2 ** 31 - 2 ** 27;

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
  /** A newer key seals in its place; this one opens what it sealed. */
  readonly superseded: boolean;
  /** What it sealed is a canary: opening it is an alert. */
  readonly poison: boolean;
  /** Messages sealed here since then. */
  sealed: number;
  /** Plaintext bytes of values sealed here since then; files have keys of their own. */
  sealedBytes: number;
  field: AeadKey | null;
  row: AeadKey | null;
  extended: XaesKey | null;
  portable: AeadKey | null;
  file: KeyObject | null;
  commitment: Buffer | null;
  mac: KeyObject | null;
  indexes: Map<IndexName, KeyObject> | null;
};

/** What a data key begins with. */
export type DataKeyParts = Pick<
  DataKey,
  'tenantId' | 'kid' | 'kidBytes' | 'scope' | 'material' | 'messages' | 'countedAhead' | 'onUncounted'
> & { readonly superseded?: boolean; readonly poison?: boolean };

/** Makes a usable data key; its use keys are derived on first use. */
export function createDataKey(parts: DataKeyParts): DataKey {
  const { tenantId, kid, kidBytes, scope, material, messages, countedAhead, onUncounted } = parts;
  const { superseded = false, poison = false } = parts;
  const rare = { extended: null, portable: null, file: null, commitment: null };
  const later = { sealed: 0, sealedBytes: 0, field: null, row: null, mac: null, indexes: null, ...rare };
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
    superseded,
    poison,
    ...later,
  };
}

/** The key of AES-256-GCM for one suite. */
export function encryptionKeyOf(key: DataKey, suite: 0x01 | 0x03 | 0x04): AeadKey {
  if (suite === 0x01) return (key.field ??= deriveEncryptionKey(key.material, suite));
  if (suite === 0x03) return (key.row ??= deriveEncryptionKey(key.material, suite));
  return (key.portable ??= deriveEncryptionKey(key.material, suite));
}

/** The key of suite 02. */
export function extendedKeyOf(key: DataKey): XaesKey {
  return (key.extended ??= createXaesKey(deriveEncryptionKey(key.material, 0x02)));
}

/** The input key of files (suite 05). */
export function fileKeyOf(key: DataKey): KeyObject {
  return (key.file ??= deriveEncryptionKey(key.material, 0x05));
}

/** The 32 bytes that this key alone gives. */
export function commitmentOf(key: DataKey): Buffer {
  return (key.commitment ??= dataKeyCommitment(key.material));
}

/** The suite of the next field under a key: 01, and 02 once a tenant's key has sealed very many. */
export function fieldSuiteOf(key: DataKey): 0x01 | 0x02 {
  return key.scope.kind === 'tenant' && key.messages + key.sealed >= highVolume ? 0x02 : 0x01;
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
export function countMessages(key: DataKey, messages: number, suite: Suite): void {
  const most = suite === 0x02 || suite === 0x05 ? maxExtendedMessages : maxMessagesPerKey;
  if (key.messages + key.sealed + messages > most) throw exhausted(key.kid, most);
  key.sealed += messages;
  const beyond = Math.min(messages, key.sealed - key.countedAhead);
  if (beyond > 0) key.onUncounted(key.tenantId, key.kid, beyond);
}

function exhausted(kid: KeyId, most: number): Error {
  return cryptoError(
    'ERR_CRYPTO_KEY_EXHAUSTED',
    `data key ${kid} has sealed 2^${Math.log2(most)} messages and seals no more; data under it still opens`,
    { details: { kid } },
  );
}
