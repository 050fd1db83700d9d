import type { Tx } from '../../db/index.ts';
import type { SealedTable } from '../sealed-table.ts';

/**
 * A field that rests in plaintext and is declared to be encrypted: where both halves rest. `plan` holds this field alone,
 * its column being the ciphertext's.
 */
export type ColumnTarget = SealedTable & { readonly plainColumn: string };

/** Every such field of the transaction's tenant, as its data map says. */
export type ColumnTargets = (tx: Tx) => Promise<readonly ColumnTarget[]>;

/** `service.collection.field` */
export function targetName({ plan }: ColumnTarget): string {
  return `${plan.service}.${plan.collection}.${plan.fields[0]?.field ?? ''}`;
}
