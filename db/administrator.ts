import pg from 'pg';
import { databaseError } from './errors.ts';

/** SQL of the owner role: changes of the schema, which the application may not make. */
export type Administrator = {
  readonly query: <Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ) => Promise<readonly Row[]>;
  /** All of it or nothing. @param lockMilliseconds - how long one statement waits for a lock, so that nobody queues behind it */
  readonly transaction: <T>(lockMilliseconds: number, work: () => Promise<T>) => Promise<T>;
  /** An identifier as SQL has it, quoted. */
  readonly quote: (name: string) => string;
};

/**
 * Opens one connection as the administrator, acts as `gatehouse_owner`, and closes it.
 *
 * @param url - a role that is a member of `gatehouse_owner`
 * @throws ERR_DB_UNREACHABLE
 */
export async function withAdministrator<T>(
  url: string,
  work: (admin: Administrator) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'gatehouse-admin' });
  client.on('error', () => undefined); // the statement that runs learns of a broken connection
  try {
    await client.connect();
    await client.query('set role gatehouse_owner');
  } catch (cause) {
    await client.end().catch(() => undefined);
    throw databaseError(
      'ERR_DB_UNREACHABLE',
      'the administrator cannot act as gatehouse_owner; check the address and that the house is migrated',
      { cause },
    );
  }
  try {
    return await work(administratorOf(client));
  } finally {
    await client.end();
  }
}

function administratorOf(client: pg.Client): Administrator {
  return Object.freeze({
    query: async <Row extends object>(text: string, values: readonly unknown[] = []) =>
      (await client.query(text, [...values])).rows as Row[], // the caller declares Row
    transaction: async <T>(lockMilliseconds: number, work: () => Promise<T>): Promise<T> => {
      await client.query(`begin; set local lock_timeout = ${Math.trunc(lockMilliseconds)}`);
      try {
        const result = await work();
        await client.query('commit');
        return result;
      } catch (error) {
        await client.query('rollback');
        throw error;
      }
    },
    quote: (name) => client.escapeIdentifier(name),
  });
}
