import { GatehouseError } from '../kernel/index.ts';

/** What can go wrong in composing and running the house. */
export type ServerErrorCode =
  | 'ERR_CONFIG_INVALID'
  | 'ERR_CONFIG_PRODUCTION'
  | 'ERR_ALREADY_RUNNING'
  | 'ERR_PORT_IN_USE'
  | 'ERR_DATA_FOLDER'
  | 'ERR_CONSOLE_BUILD'
  | 'ERR_NOT_READY';

/** An error of this room; it ends the start with its message. */
export function serverError(
  code: ServerErrorCode,
  message: string,
  cause?: unknown,
): GatehouseError<ServerErrorCode> {
  return new GatehouseError(code, message, {
    status: 503,
    expose: true,
    ...(cause === undefined ? {} : { cause }),
  });
}
