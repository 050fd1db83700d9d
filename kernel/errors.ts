/** Options of a {@link GatehouseError}. */
export type ErrorOptions = {
  /** HTTP status that the outside sees, 400..599. */
  readonly status: number;
  /** Whether message and details may leave the process; server faults are hidden by default. */
  readonly expose?: boolean;
  /** Facts about the failure, safe to log; never a secret, a key, a token or another tenant's data. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** What caused it; goes to the log only. */
  readonly cause?: unknown;
};

/**
 * The one base of every error of the house. Each room declares its own closed union of codes.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9457 for how it leaves over HTTP
 */
export class GatehouseError<Code extends string = string> extends Error {
  override readonly name = 'GatehouseError';
  readonly code: Code;
  readonly status: number;
  readonly expose: boolean;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: Code, message: string, options: ErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status;
    this.expose = options.expose ?? options.status < 500;
    this.details = options.details ?? {};
  }
}

/** Codes that any room may use. */
export type KernelErrorCode =
  | 'ERR_INVALID_ID'
  | 'ERR_INVALID_REQUEST'
  | 'ERR_NOT_FOUND'
  | 'ERR_CONFLICT'
  | 'ERR_OVERLOADED'
  | 'ERR_UNAUTHENTICATED'
  | 'ERR_FORBIDDEN'
  | 'ERR_STEP_UP_REQUIRED'
  | 'ERR_INTERNAL';

/** Whether a value is an error of the house; true across module registries, unlike instanceof. */
export function isGatehouseError(value: unknown): value is GatehouseError {
  return (
    typeof value === 'object' && value !== null && (value as { name?: unknown }).name === 'GatehouseError' // probing an unknown
  );
}

/** Something does not exist, or belongs to another tenant: the answer is the same. */
export function notFound(what: string, id: string): GatehouseError<KernelErrorCode> {
  return new GatehouseError('ERR_NOT_FOUND', `${what} "${id}" does not exist; check the id`, { status: 404 });
}

/** The request is malformed; `message` names the input and what was expected. */
export function invalidRequest(
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): GatehouseError<KernelErrorCode> {
  return new GatehouseError('ERR_INVALID_REQUEST', message, { status: 400, details });
}
