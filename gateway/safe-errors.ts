import { sqlState, sqlStates } from '../db/index.ts';
import { isGatehouseError } from '../kernel/index.ts';
import { gatewayError } from './errors.ts';

/**
 * Runs work and turns what PostgreSQL raised into an error of ours. Its own messages quote rows ("Failing row contains
 * …"), so neither they nor the error itself go on as a cause.
 *
 * @throws ERR_GATEWAY_CONFLICT, ERR_GATEWAY_REFERENCE, ERR_GATEWAY_VALUE, ERR_GATEWAY_DATABASE
 */
export async function withSafeErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const state = sqlState(error);
    if (isGatehouseError(error) || state === null) throw error;
    throw translate(state, nameOf(error, 'constraint'), nameOf(error, 'column'));
  }
}

function translate(state: string, constraint: string, column: string): Error {
  switch (state) {
    case sqlStates.uniqueViolation:
      return gatewayError('ERR_GATEWAY_CONFLICT', `another record already has this value (${constraint})`);
    case sqlStates.foreignKeyViolation:
      return gatewayError(
        'ERR_GATEWAY_REFERENCE',
        `the record refers to one that does not exist, or others refer to it (${constraint})`,
      );
    case sqlStates.checkViolation:
      return gatewayError('ERR_GATEWAY_VALUE', `a value breaks the rule ${constraint} of its table`);
    case '23502':
      return gatewayError('ERR_GATEWAY_VALUE', `field "${column}" must have a value`, { field: column });
    case '22001':
    case '22003':
      return gatewayError('ERR_GATEWAY_VALUE', 'a value is too long or too large for its column');
    case '22007':
    case '22008':
    case '22P02':
      return gatewayError(
        'ERR_GATEWAY_VALUE',
        'a value, or the place a cursor names, is not of its column’s type; begin again without the cursor',
      );
    default:
      return gatewayError('ERR_GATEWAY_DATABASE', `the database refused the call (SQLSTATE ${state})`, {
        state,
      });
  }
}

/** Names of constraints and columns come from the catalog and hold no data. */
function nameOf(error: unknown, key: 'constraint' | 'column'): string {
  const name = (error as Record<string, unknown>)[key]; // an error of pg, probed by its SQLSTATE
  return typeof name === 'string' ? name.slice(0, 63) : 'unknown';
}
