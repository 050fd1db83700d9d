import { GatehouseError } from '../kernel/index.ts';

/** Why the policy room refused a call, or denied a decision (then the code stands in `reasons`). */
export type PolicyErrorCode =
  | 'ERR_POLICY_NO_RULE'
  | 'ERR_POLICY_FORBIDDEN_BY_RULE'
  | 'ERR_POLICY_PURPOSE_REQUIRED'
  | 'ERR_POLICY_PURPOSE_NOT_ALLOWED'
  | 'ERR_POLICY_ASSURANCE'
  | 'ERR_POLICY_GUARDRAIL'
  | 'ERR_POLICY_GUARDRAIL_FAILED'
  | 'ERR_POLICY_UNKNOWN_OBLIGATION'
  | 'ERR_POLICY_RESOURCE_MISMATCH'
  | 'ERR_POLICY_UNAVAILABLE'
  | 'ERR_POLICY_TIMEOUT'
  | 'ERR_POLICY_INVALID_RULE'
  | 'ERR_POLICY_UNKNOWN_FIELD'
  | 'ERR_POLICY_UNKNOWN_ROLE'
  | 'ERR_POLICY_SELF_GRANT'
  | 'ERR_POLICY_BUILT_IN'
  | 'ERR_POLICY_ROLE_IN_USE';

/** An error of this room; 400 unless told otherwise. */
export function policyError(
  code: PolicyErrorCode,
  message: string,
  extra: {
    readonly status?: number;
    readonly cause?: unknown;
    readonly details?: Readonly<Record<string, unknown>>;
  } = {},
): GatehouseError<PolicyErrorCode> {
  const { status = 400, ...rest } = extra;
  return new GatehouseError(code, message, { status, ...rest });
}
