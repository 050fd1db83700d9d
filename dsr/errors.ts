import { GatehouseError } from '../kernel/index.ts';

/** What can go wrong with requests of people. */
export type DsrErrorCode =
  | 'ERR_DSR_TRANSITION_REFUSED'
  | 'ERR_DSR_EXTENSION_REFUSED'
  | 'ERR_DSR_CODE_INVALID'
  | 'ERR_DSR_TICKET_UNKNOWN'
  | 'ERR_DSR_PLAN_MISSING'
  | 'ERR_DSR_PLAN_CHANGED'
  | 'ERR_DSR_PLAN_DRIFTED'
  | 'ERR_DSR_LEGAL_HOLD'
  | 'ERR_DSR_FOUR_EYES'
  | 'ERR_DSR_PLAN_WITHOUT_PERSON'
  | 'ERR_DSR_IDENTITY_AMBIGUOUS'
  | 'ERR_DSR_IDENTITY_GONE'
  | 'ERR_DSR_SYSTEM_UNREADY'
  | 'ERR_DSR_LEASE_LOST'
  | 'ERR_DSR_BUSY'
  | 'ERR_DSR_NO_CERTIFICATE'
  | 'ERR_DSR_NO_PACKAGE'
  | 'ERR_DSR_PACKAGE_TOO_LARGE'
  | 'ERR_DSR_CERTIFICATE_INVALID';

/** An error of this room. */
export function dsrError(
  code: DsrErrorCode,
  message: string,
  extra: {
    readonly status?: number;
    readonly details?: Readonly<Record<string, unknown>>;
    readonly cause?: unknown;
  } = {},
): GatehouseError<DsrErrorCode> {
  return new GatehouseError(code, message, { status: 409, ...extra });
}
