import { GatehouseError } from '../kernel/index.ts';

/** What can go wrong between us and PostgreSQL. */
export type DatabaseErrorCode =
  | 'ERR_DB_UNREACHABLE'
  | 'ERR_DB_NOT_MIGRATED'
  | 'ERR_DB_MIGRATION_CHANGED'
  | 'ERR_DB_MIGRATION_FAILED'
  | 'ERR_DB_ROW_COUNT'
  | 'ERR_DB_ROLLED_BACK'
  | 'ERR_DB_UNSAFE'
  | 'ERR_DB_EMBEDDED';

/** An error of this room. */
export function databaseError(
  code: DatabaseErrorCode,
  message: string,
  extra: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {},
): GatehouseError<DatabaseErrorCode> {
  return new GatehouseError(code, message, { status: 503, ...extra });
}

/** The SQLSTATE of an error that PostgreSQL raised, or null. */
export function sqlState(error: unknown): string | null {
  if (typeof error !== 'object' || error === null) return null;
  const code = (error as { code?: unknown }).code; // probing an unknown
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : null;
}

/** SQLSTATE classes that callers act on. @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
export const sqlStates = Object.freeze({
  uniqueViolation: '23505',
  foreignKeyViolation: '23503',
  checkViolation: '23514',
  insufficientPrivilege: '42501',
  serializationFailure: '40001',
  deadlockDetected: '40P01',
});
