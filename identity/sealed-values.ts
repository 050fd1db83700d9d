import type { Tx } from '../db/index.ts';
import { identityError } from './errors.ts';
import type { Sealing, SealContext } from './ports.ts';

const scope = Object.freeze({ kind: 'tenant' as const, purpose: 'identity' });

const contextOf = (collection: string, field: string, rowId: string): SealContext => ({
  service: 'identity',
  collection,
  field,
  rowId,
  purpose: 'identity',
});

/** One sealed column of one table of this room. */
export type SealedColumn = {
  readonly seal: (tx: Tx, rowId: string, plaintext: string) => Promise<Buffer>;
  readonly open: (tx: Tx, rowId: string, ciphertext: Uint8Array) => Promise<string>;
};

/**
 * Seals and opens text of one column under the tenant's key of purpose `identity`.
 *
 * @throws ERR_SEALED_VALUE_LOST when the key was destroyed
 */
export function sealedColumn(crypto: Sealing, collection: string, field: string): SealedColumn {
  return Object.freeze({
    seal: (tx: Tx, rowId: string, plaintext: string) =>
      crypto.seal(tx, scope, contextOf(collection, field, rowId), Buffer.from(plaintext, 'utf8')),
    open: async (tx: Tx, rowId: string, ciphertext: Uint8Array) => {
      const opened = await crypto.open(tx, contextOf(collection, field, rowId), ciphertext);
      if (opened.kind === 'plaintext') return opened.plaintext.toString('utf8');
      throw identityError(
        'ERR_SEALED_VALUE_LOST',
        500,
        `the key of ${collection}.${field} was destroyed; set the value anew`,
      );
    },
  });
}
