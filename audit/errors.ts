import { GatehouseError } from '../kernel/index.ts';

/** What can go wrong in the log. */
export type AuditErrorCode =
  | 'ERR_AUDIT_UNKNOWN_EVENT'
  | 'ERR_AUDIT_INVALID_EVENT'
  | 'ERR_AUDIT_ENTRY_TOO_LARGE'
  | 'ERR_AUDIT_INVALID_PROOF'
  | 'ERR_AUDIT_INVALID_NOTE'
  | 'ERR_AUDIT_INVALID_CHECKPOINT'
  | 'ERR_AUDIT_INVALID_PATH'
  | 'ERR_AUDIT_CORRUPT'
  | 'ERR_AUDIT_ROLLED_BACK'
  | 'ERR_AUDIT_HEAD_MOVED'
  | 'ERR_AUDIT_STOPPED'
  | 'ERR_AUDIT_UNCONFIRMED'
  | 'ERR_AUDIT_INVALID_POLICY'
  | 'ERR_AUDIT_WITNESS_CONFIG'
  | 'ERR_AUDIT_WITNESS_FOLDER'
  | 'ERR_AUDIT_SINK_EXISTS'
  | 'ERR_AUDIT_VIEW_EXISTS'
  | 'ERR_AUDIT_HELD'
  | 'ERR_AUDIT_RULE_EXISTS'
  | 'ERR_AUDIT_RULE_UNTESTED'
  | 'ERR_AUDIT_TOO_MANY_RULES'
  | 'ERR_AUDIT_PRUNED'
  | 'ERR_AUDIT_SPOOL_FULL'
  | 'ERR_OVERLOADED';

const statuses: Partial<Record<AuditErrorCode, number>> = {
  ERR_OVERLOADED: 503,
  ERR_AUDIT_STOPPED: 503,
  ERR_AUDIT_UNCONFIRMED: 503,
  ERR_AUDIT_INVALID_PATH: 404,
  ERR_AUDIT_INVALID_PROOF: 422,
  ERR_AUDIT_INVALID_NOTE: 422,
  ERR_AUDIT_INVALID_CHECKPOINT: 422,
  ERR_AUDIT_INVALID_POLICY: 422,
  ERR_AUDIT_SINK_EXISTS: 409,
  ERR_AUDIT_VIEW_EXISTS: 409,
  ERR_AUDIT_HELD: 409,
  ERR_AUDIT_RULE_EXISTS: 409,
  ERR_AUDIT_RULE_UNTESTED: 409,
  ERR_AUDIT_TOO_MANY_RULES: 409,
  ERR_AUDIT_PRUNED: 410,
  ERR_AUDIT_SPOOL_FULL: 503,
};

/** An error of this room. */
export function auditError(
  code: AuditErrorCode,
  message: string,
  extra: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {},
): GatehouseError<AuditErrorCode> {
  const status = statuses[code] ?? 500;
  return new GatehouseError(code, message, { status, expose: status < 500 || status === 503, ...extra });
}
