import { isGatehouseError } from '../kernel/index.ts';
import { sqlState } from '../db/index.ts';

/** Another writer was faster. */
export function isHeadMoved(error: unknown): boolean {
  return isGatehouseError(error) && error.code === 'ERR_AUDIT_HEAD_MOVED';
}

/** The database refuses this very row, and would refuse it for ever (SQLSTATE classes 22 and 23, keys aside). */
export function isDataError(error: unknown): boolean {
  const state = sqlState(error);
  if (state === '23505') return (error as { constraint?: unknown }).constraint !== 'entry_idempotency'; // PostgreSQL names it
  return state !== null && /^2[23]/.test(state);
}

/** Trouble of the database, not of one log. */
export function isTransient(error: unknown): boolean {
  if (isGatehouseError(error)) return error.code === 'ERR_DB_UNREACHABLE';
  const state = sqlState(error);
  return state === null || /^(08|40|53|57)/.test(state);
}
