import type { Crypto, EncryptionPlan, Row } from '../crypto/index.ts';
import { encryptionPlan, type DataMap } from '../datamap/index.ts';
import type { Database, Tx } from '../db/index.ts';
import type { TenantId } from '../kernel/index.ts';
import { settingsError } from './settings.ts';

/** The keys of one tenant, with what the data map says. */
export type TenantVault = {
  readonly tenantId: TenantId;
  /** Runs work on the plan of a collection, in a transaction of the tenant. */
  readonly run: <T>(
    type: string,
    work: (tx: Tx, crypto: Crypto, plan: EncryptionPlan) => Promise<T>,
  ) => Promise<T>;
};

/** A row as your database takes it: sealed columns are Buffers. */
export type SealedRow = Readonly<Record<string, unknown>>;

/** Makes the handle. */
export function createTenantVault(
  deps: { readonly database: Database; readonly crypto: Crypto; readonly map: DataMap },
  tenantId: TenantId,
): TenantVault {
  const { database, crypto, map } = deps;
  return Object.freeze({
    tenantId,
    run: async <T>(type: string, work: (tx: Tx, crypto: Crypto, plan: EncryptionPlan) => Promise<T>) => {
      const collection = map.collection(type);
      if (collection === null)
        throw settingsError(
          `the data map has no collection "${type}"; it has ${map.services.flatMap(({ key, collections }) => collections.map(({ name }) => `${key}.${name}`)).join(', ')}`,
        );
      await crypto.warm(tenantId);
      return database.withTenant(tenantId, (tx) => work(tx, crypto, encryptionPlan(collection)));
    },
  });
}

/**
 * Logical values to physical columns: sealed fields and their index columns; the rest passes through. The keys are
 * committed when it resolves, so the rows may be stored anywhere.
 *
 * @param type - `service.collection` of the data map
 * @throws ERR_CRYPTO_SHREDDED for an erased person, ERR_CRYPTO_INPUT
 */
export function sealFields(vault: TenantVault, type: string, row: Row): Promise<SealedRow>;
export function sealFields(
  vault: TenantVault,
  type: string,
  rows: readonly Row[],
): Promise<readonly SealedRow[]>;
export async function sealFields(
  vault: TenantVault,
  type: string,
  rows: Row | readonly Row[],
): Promise<SealedRow | readonly SealedRow[]> {
  const many = isMany(rows) ? rows : [rows];
  const sealed = await vault.run(type, (tx, crypto, plan) => crypto.sealRows(tx, plan, many));
  return isMany(rows) ? sealed : (sealed[0] ?? {});
}

/**
 * Physical rows to logical ones. A value whose person was erased is `{ tombstone: true, requestId }`.
 *
 * @param fields - which to open; default all that the rows hold
 * @throws ERR_CRYPTO_DECRYPT
 */
export function openFields(
  vault: TenantVault,
  type: string,
  row: SealedRow,
  fields?: readonly string[],
): Promise<Row>;
export function openFields(
  vault: TenantVault,
  type: string,
  rows: readonly SealedRow[],
  fields?: readonly string[],
): Promise<readonly Row[]>;
export async function openFields(
  vault: TenantVault,
  type: string,
  rows: SealedRow | readonly SealedRow[],
  fields?: readonly string[],
): Promise<Row | readonly Row[]> {
  const many = isMany(rows) ? rows : [rows];
  const opened = await vault.run(type, (tx, crypto, plan) =>
    crypto.openRows(tx, plan, many, fields ?? plan.fields.map(({ field }) => field)),
  );
  return isMany(rows) ? opened : (opened[0] ?? {});
}

/**
 * What a search compares an index column with: `where email_bidx = any($1)`. Compare again after opening when the
 * index keeps few bits.
 *
 * @returns no term when the value has none of this kind
 */
export function indexTerms(
  vault: TenantVault,
  type: string,
  at: { readonly field: string; readonly index: string },
  value: string,
): Promise<readonly Buffer[]> {
  return vault.run(type, (tx, crypto, plan) => crypto.indexTerms(tx, plan, at.field, at.index, value));
}

const isMany = <One>(value: One | readonly One[]): value is readonly One[] => Array.isArray(value);
