import type { Tx } from '../db/index.ts';
import { encodedContextOf } from './associated-data.ts';
import { parseCiphertext, type CiphertextKind, type ParsedCiphertext } from './ct1.ts';
import type { DataKey } from './data-key.ts';
import type { FoundKey } from './stored-key.ts';
import type { DecryptCause } from './errors.ts';
import type { OpenRowsDeps } from './open-rows.ts';
import { openValue } from './seal-value.ts';
import type { TransactionKeys } from './transaction-keys.ts';
import type { FieldContext, Opened } from './types.ts';

/** What opening one value needs. */
export type OpenOneDeps = OpenRowsDeps & { readonly keysOf: (tx: Tx) => TransactionKeys };

/** Opens one ciphertext in its context. @throws ERR_CRYPTO_DECRYPT */
export async function openOne(
  tx: Tx,
  deps: OpenOneDeps,
  kind: CiphertextKind,
  context: FieldContext,
  ciphertext: Uint8Array,
): Promise<Opened> {
  const parsed = parseCiphertext(ciphertext, kind);
  if (parsed === null) throw failed(tx, deps, context, 'format', null);
  const cached = deps.keysOf(tx).byKid(parsed.kid);
  const key = cached ?? (await deps.dataKeys.byKids(tx, [parsed.kid])).get(parsed.kid);
  return openWith(tx, deps, context, parsed, key);
}

function openWith(
  tx: Tx,
  deps: OpenOneDeps,
  context: FieldContext,
  parsed: ParsedCiphertext,
  key: FoundKey | undefined,
): Opened {
  const { kid } = parsed;
  if (key === undefined) throw failed(tx, deps, context, 'unknown_key', kid);
  if (key.kind === 'shredded') return key;
  if (key.kind === 'broken') throw failed(tx, deps, context, 'data_key', kid);
  if (!isScopeOf(key, parsed)) throw failed(tx, deps, context, 'scope', kid);
  const plaintext = openValue(key, parsed, encodedContextOf(tx.tenantId, context), context.rowId);
  if (plaintext === null) throw failed(tx, deps, context, 'authentication', kid);
  deps.failures.opened(tx, key, `${context.service}.${context.collection}`, context.field);
  return { kind: 'plaintext', plaintext };
}

const isScopeOf = (key: DataKey, parsed: ParsedCiphertext): boolean =>
  parsed.tenantScope === (key.scope.kind === 'tenant');

/** Reports why, gives back the error that does not say. */
export function failed(
  tx: Tx,
  deps: OpenRowsDeps,
  context: FieldContext,
  cause: DecryptCause,
  kid: string | null,
): Error {
  return deps.failures.report(tx, {
    cause,
    kid,
    collection: `${context.service}.${context.collection}`,
    field: context.field,
  });
}
