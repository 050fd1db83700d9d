import type { Tx } from '../db/index.ts';
import { selectRoles } from './store.ts';

/** A role as it is stored. */
export type StoredRole = {
  readonly name: string;
  readonly description: string;
  readonly rules: readonly unknown[];
  readonly builtIn: boolean;
};

/** All roles of the transaction's tenant, by name. */
export async function readRoles(tx: Tx): Promise<readonly StoredRole[]> {
  const { rows } = await tx.query<StoredRole>(selectRoles, [tx.tenantId]);
  return rows.map(({ name, description, rules, builtIn }) => ({ name, description, rules, builtIn }));
}
