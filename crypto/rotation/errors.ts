import { GatehouseError } from '../../kernel/index.ts';

/** Two works on the same keys met. @param message - what to do about it */
export function conflict(message: string): GatehouseError {
  return new GatehouseError('ERR_CONFLICT', message, { status: 409 });
}
