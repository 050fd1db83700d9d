import type { KeyObject } from 'node:crypto';
import type { KeyId, TenantId } from '../kernel/index.ts';
import { deriveEncryptionKey, deriveIndexKey, deriveMacKey, type Suite } from './derive.ts';
import { cryptoError } from './errors.ts';
import type { KeyScope } from './types.ts';

/** Messages after which a data key seals no more: half of what SP 800-38D section 8.3 allows for random nonces. */
export const maxMessagesPerKey = 2 ** 31;

/** A data key in this process. Holds KeyObjects only. */
export type DataKey = {
  readonly tenantId: TenantId;
  readonly kid: KeyId;
  readonly kidBytes: Buffer;
  readonly scope: KeyScope;
  /** Key for one suite. */
  readonly encryptionKey: (suite: Suite) => KeyObject;
  readonly indexKey: (type: string, field: string, name: string, version: number) => KeyObject;
  readonly macKey: () => KeyObject;
  /** Counts messages about to be sealed. @throws ERR_CRYPTO_KEY_EXHAUSTED */
  readonly count: (messages: number) => void;
  /** Messages counted here since the key was made or loaded. */
  readonly sealed: () => number;
};

/** What a data key is made of. */
export type DataKeyParts = {
  readonly tenantId: TenantId;
  readonly kid: KeyId;
  readonly kidBytes: Buffer;
  readonly scope: KeyScope;
  readonly material: KeyObject;
  /** Messages counted in the database when the key was made or loaded. */
  readonly messages: number;
  /** How many of those were counted ahead and may still be sealed by this process. */
  readonly countedAhead: number;
  /** Told of messages that the database does not know yet. */
  readonly onUncounted: (kid: KeyId, messages: number) => void;
};

/** Makes a usable data key; derives its use keys on first use. */
export function createDataKey(parts: DataKeyParts): DataKey {
  const { tenantId, kid, kidBytes, scope, material } = parts;
  let field: KeyObject | null = null;
  let row: KeyObject | null = null;
  let mac: KeyObject | null = null;
  const indexKeys = new Map<string, KeyObject>();
  let sealed = 0;
  return {
    tenantId,
    kid,
    kidBytes,
    scope,
    encryptionKey: (suite) =>
      suite === 0x01
        ? (field ??= deriveEncryptionKey(material, suite))
        : (row ??= deriveEncryptionKey(material, suite)),
    indexKey: (type, fieldName, name, version) => {
      const label = `${type}\0${fieldName}\0${name}\0${version}`;
      const known =
        indexKeys.get(label) ?? deriveIndexKey(material, { type, field: fieldName, name, version });
      indexKeys.set(label, known);
      return known;
    },
    macKey: () => (mac ??= deriveMacKey(material)),
    count: (messages) => {
      if (parts.messages + sealed + messages > maxMessagesPerKey) throw exhausted(kid);
      sealed += messages;
      const beyond = Math.min(messages, sealed - parts.countedAhead);
      if (beyond > 0) parts.onUncounted(kid, beyond);
    },
    sealed: () => sealed,
  };
}

function exhausted(kid: KeyId): Error {
  return cryptoError(
    'ERR_CRYPTO_KEY_EXHAUSTED',
    `data key ${kid} has sealed 2^31 messages and seals no more; data under it still opens`,
    { details: { kid } },
  );
}
