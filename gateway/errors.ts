import { GatehouseError } from '../kernel/index.ts';

/** Why the gateway refused. */
export type GatewayErrorCode =
  | 'ERR_GATEWAY_UNKNOWN_COLLECTION'
  | 'ERR_GATEWAY_OPERATION'
  | 'ERR_GATEWAY_DENIED'
  | 'ERR_GATEWAY_OBLIGATION'
  | 'ERR_GATEWAY_UNKNOWN_FIELD'
  | 'ERR_GATEWAY_FIELD_FORBIDDEN'
  | 'ERR_GATEWAY_FILTER'
  | 'ERR_GATEWAY_SORT'
  | 'ERR_GATEWAY_CURSOR'
  | 'ERR_GATEWAY_PURPOSE'
  | 'ERR_GATEWAY_VALUE'
  | 'ERR_GATEWAY_REFERENCE'
  | 'ERR_GATEWAY_SUPPRESSED'
  | 'ERR_GATEWAY_RESTRICTED'
  | 'ERR_GATEWAY_CONFLICT'
  | 'ERR_GATEWAY_IDEMPOTENCY'
  | 'ERR_GATEWAY_DATABASE'
  | 'ERR_GATEWAY_NOT_RECORDED';

const statuses: Readonly<Partial<Record<GatewayErrorCode, number>>> = Object.freeze({
  ERR_GATEWAY_UNKNOWN_COLLECTION: 404,
  ERR_GATEWAY_OPERATION: 405,
  ERR_GATEWAY_DENIED: 403,
  ERR_GATEWAY_OBLIGATION: 403,
  ERR_GATEWAY_FIELD_FORBIDDEN: 403,
  ERR_GATEWAY_SUPPRESSED: 409,
  ERR_GATEWAY_RESTRICTED: 409,
  ERR_GATEWAY_CONFLICT: 409,
  ERR_GATEWAY_REFERENCE: 422,
  ERR_GATEWAY_IDEMPOTENCY: 422,
  ERR_GATEWAY_DATABASE: 500,
  ERR_GATEWAY_NOT_RECORDED: 503,
});

/** An error of this room; 400 unless its code says otherwise. Messages name fields, never values. */
export function gatewayError(
  code: GatewayErrorCode,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): GatehouseError<GatewayErrorCode> {
  return new GatehouseError(code, message, { status: statuses[code] ?? 400, details });
}
