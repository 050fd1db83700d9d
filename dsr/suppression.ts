import type { Crypto } from '../crypto/index.ts';
import type { Tx } from '../db/index.ts';
import type { Identifier } from './connectors/connector.ts';
import { suppressionHash } from './sealed-identity.ts';
import { selectSuppression } from './store.ts';

/** Why somebody must not be taken in again. */
export type SuppressionEntry = {
  readonly kind: 'email' | 'phone';
  readonly purpose: string;
  readonly scope: 'erased';
  readonly requestId: string;
  readonly since: Date;
};

/** The list of keyed hashes that every way in must ask. */
export type Suppression = {
  /**
   * @param purpose - of the data map; entries for every purpose match as well
   * @returns the first entry that covers one of the identifiers, or null
   */
  readonly isSuppressed: (
    tx: Tx,
    identifiers: readonly Identifier[],
    purpose: string,
  ) => Promise<SuppressionEntry | null>;
};

type Row = {
  readonly kind: 'email' | 'phone';
  readonly purpose: string;
  readonly scope: 'erased';
  readonly request_id: string;
  readonly created_at: Date;
};

/** Asks the list; identifiers are compared in one normal form, whatever their spelling. */
export function createSuppression(crypto: Pick<Crypto, 'mac'>): Suppression {
  return Object.freeze({
    isSuppressed: async (tx: Tx, identifiers: readonly Identifier[], purpose: string) => {
      const hashes: Buffer[] = [];
      for (const identifier of identifiers)
        if (identifier.value.trim() !== '')
          hashes.push(await suppressionHash(crypto as Crypto, tx, identifier)); // only mac is used
      if (hashes.length === 0) return null;
      const { rows } = await tx.query<Row>(selectSuppression, [hashes, purpose]);
      const row = rows[0];
      return row === undefined
        ? null
        : {
            kind: row.kind,
            purpose: row.purpose,
            scope: row.scope,
            requestId: row.request_id,
            since: row.created_at,
          };
    },
  });
}
