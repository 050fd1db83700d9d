import type { Tx } from '../db/index.ts';
import type { EncryptionPlan } from './types.ts';

/** Where the ciphertexts of one collection rest; every such table has `tenant_id` first in its primary key. */
export type SealedTable = {
  readonly plan: EncryptionPlan;
  readonly schema: string;
  readonly table: string;
  /** Column of the row's id, the second part of the primary key. */
  readonly rowIdColumn: string;
  /** Column of the person's id; null when no field is under a person's key. */
  readonly subjectColumn: string | null;
};

/** Every table of the transaction's tenant that holds ciphertext, as the data map of this moment says. */
export type SealedTables = (tx: Tx) => Promise<readonly SealedTable[]>;
