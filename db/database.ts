import pg from 'pg';
import { isGatehouseError, type Logger, type TenantId } from '../kernel/index.ts';
import { databaseError } from './errors.ts';
import { roleSecrets, type ConnectionUrls } from './connection-urls.ts';
import { createListener, type Listener } from './listener.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import { signTenantSetting, type TenantSettingKey } from './tenant-setting.ts';
import type { CompiledSql, Statement } from './statement.ts';

/** Rows and how many were touched. */
export type QueryResult<Row> = { readonly rows: readonly Row[]; readonly rowCount: number };

/** Runs SQL inside one open transaction. */
export type Queries = {
  /** Runs a fixed statement. */
  readonly query: <Row extends object = Record<string, unknown>>(
    statement: Statement,
    values?: readonly unknown[],
  ) => Promise<QueryResult<Row>>;
  /** Runs what the query builder compiled. */
  readonly run: <Row extends object = Record<string, unknown>>(
    compiled: CompiledSql,
  ) => Promise<QueryResult<Row>>;
  /** Calls back after a successful commit, never after a rollback; must not throw. */
  readonly onCommit: (callback: () => void) => void;
};

/** A transaction that sees one tenant. */
export type Tx = Queries & { readonly kind: 'tenant'; readonly tenantId: TenantId };
/** A transaction that sees platform tables only; tenant tables give no rows. */
export type SystemTx = Queries & { readonly kind: 'system' };
/** A transaction of the log's writer, with the raw client for COPY. */
export type SequencerTx = Queries & { readonly kind: 'sequencer'; readonly client: pg.ClientBase };

/** How a transaction runs. */
export type TransactionOptions = {
  readonly readOnly?: boolean;
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
  /** Milliseconds one statement may take; default 30,000. */
  readonly statementTimeoutMilliseconds?: number;
};

/** The one way to the data. */
export type Database = {
  readonly withTenant: <T>(
    tenantId: TenantId,
    work: (tx: Tx) => Promise<T>,
    options?: TransactionOptions,
  ) => Promise<T>;
  readonly withSystem: <T>(work: (tx: SystemTx) => Promise<T>, options?: TransactionOptions) => Promise<T>;
  readonly withSequencer: <T>(work: (tx: SequencerTx) => Promise<T>) => Promise<T>;
  /** A connection of the log's writer for whole transactions in one round trip; give it back with `release`. */
  readonly sequencerPipeline: () => Promise<Pipeline>;
  readonly listener: Listener;
  readonly urls: ConnectionUrls;
  readonly close: () => Promise<void>;
};

/** Sizes and names of the pools. */
export type DatabaseOptions = {
  readonly urls: ConnectionUrls;
  readonly logger: Logger;
  /** Connections of the application pool; default 10. */
  readonly poolSize?: number;
};

const defaultStatementTimeoutMilliseconds = 30_000;

pg.types.setTypeParser(pg.types.builtins.INT8, (text) => {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} is beyond 2^53`);
  return value;
});

/** Opens the pools; connects on first use. */
export function createDatabase(options: DatabaseOptions): Database {
  const { urls, logger } = options;
  const key = roleSecrets(urls).tenantSettingKey;
  const appPool = createPool(urls.app, 'gatehouse-app', options.poolSize ?? 10, logger);
  const sequencerPool = createPool(urls.sequencer, 'gatehouse-sequencer', 2, logger, genericPlans);
  const listener = createListener(urls.app, logger);
  return Object.freeze({
    urls,
    listener,
    withTenant: <T>(tenantId: TenantId, work: (tx: Tx) => Promise<T>, transaction: TransactionOptions = {}) =>
      inTransaction(appPool, transaction, async (client, queries, start) => {
        await setTenant(client, key, tenantId, start);
        return work({ ...queries, kind: 'tenant', tenantId });
      }),
    withSystem: <T>(work: (tx: SystemTx) => Promise<T>, transaction: TransactionOptions = {}) =>
      inTransaction(appPool, transaction, (_client, queries) => work({ ...queries, kind: 'system' })),
    withSequencer: <T>(work: (tx: SequencerTx) => Promise<T>) =>
      inTransaction(sequencerPool, {}, (client, queries) => work({ ...queries, kind: 'sequencer', client })),
    sequencerPipeline: async () => createPipeline(await connect(sequencerPool)),
    close: async () => {
      await listener.close();
      await Promise.all([appPool.end(), sequencerPool.end()]);
    },
  });
}

/** The writer's statements are few and their plans do not depend on the values: planning each batch anew costs more than the batch. */
const genericPlans = '-c plan_cache_mode=force_generic_plan';

function createPool(
  url: string,
  applicationName: string,
  max: number,
  logger: Logger,
  options = '',
): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: applicationName,
    max,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    ...(options === '' ? {} : { options }),
    statement_timeout: defaultStatementTimeoutMilliseconds,
  });
  // While a transaction holds a connection the pool does not listen on it: without a listener of ours a connection
  // that breaks between two statements would end the process. The transaction learns of it by its next statement.
  pool.on('connect', (client) => client.on('error', () => undefined));
  pool.on('error', (error) =>
    logger.warn('an idle database connection broke; it is replaced on next use', { error }),
  );
  return pool;
}

type TransactionStart = { readonly pid: number; readonly microseconds: string };
type Work<T> = (client: pg.PoolClient, queries: Queries, start: TransactionStart) => Promise<T>;

async function inTransaction<T>(pool: pg.Pool, options: TransactionOptions, work: Work<T>): Promise<T> {
  const client = await connect(pool);
  const callbacks: (() => void)[] = [];
  let broken: Error | undefined;
  try {
    const start = await begin(client, options);
    const result = await work(client, createQueries(client, callbacks), start);
    const { command } = await client.query('commit');
    // PostgreSQL answers the commit of a failed transaction with a rollback, and no error.
    if (command !== 'COMMIT')
      throw databaseError(
        'ERR_DB_ROLLED_BACK',
        'a statement failed before the commit, so nothing was changed; try again',
      );
    for (const callback of callbacks) callback();
    return result;
  } catch (error) {
    broken = await rollback(client);
    throw broken === undefined || isGatehouseError(error) ? error : connectionLost(error);
  } finally {
    client.release(broken);
  }
}

/** What the driver says of a connection that broke has many forms; callers need to know only that it did. */
function connectionLost(cause: unknown): Error {
  return databaseError(
    'ERR_DB_UNREACHABLE',
    'the connection to the database broke; look whether the change was made before you try again',
    { cause },
  );
}

async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  try {
    return await pool.connect();
  } catch (cause) {
    throw databaseError(
      'ERR_DB_UNREACHABLE',
      'the database cannot be reached; nothing was changed, try again',
      { cause },
    );
  }
}

/** One round trip: begin, limits, and what the tenant setting is bound to. */
async function begin(client: pg.PoolClient, options: TransactionOptions): Promise<TransactionStart> {
  const mode = `isolation level ${options.isolation ?? 'read committed'} ${options.readOnly === true ? 'read only' : 'read write'}`;
  const timeout = Math.trunc(options.statementTimeoutMilliseconds ?? defaultStatementTimeoutMilliseconds);
  const results = (await client.query(
    `begin ${mode}; set local statement_timeout = ${timeout}; select pg_backend_pid() as pid, (extract(epoch from transaction_timestamp()) * 1000000)::bigint::text as microseconds`,
  )) as unknown as readonly pg.QueryResult<TransactionStart>[]; // pg answers several statements with an array
  const start = results[2]?.rows[0];
  if (start === undefined)
    throw databaseError('ERR_DB_UNREACHABLE', 'the database did not open a transaction');
  return start;
}

async function setTenant(
  client: pg.PoolClient,
  key: TenantSettingKey,
  tenantId: TenantId,
  start: TransactionStart,
): Promise<void> {
  const setting = signTenantSetting(key, tenantId, start.pid, start.microseconds);
  await client.query({
    name: 'db.set_tenant',
    text: `select set_config('gatehouse.tenant', $1, true)`,
    values: [setting],
  });
}

async function rollback(client: pg.PoolClient): Promise<Error | undefined> {
  try {
    await client.query('rollback');
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error)); // the pool must not reuse this connection
  }
}

function createQueries(client: pg.PoolClient, callbacks: (() => void)[]): Queries {
  const shape = <Row>(result: pg.QueryResult): QueryResult<Row> => ({
    rows: result.rows as Row[],
    rowCount: result.rowCount ?? 0,
  }); // the statement's author declares Row
  return {
    query: async <Row>(statement: Statement, values: readonly unknown[] = []) =>
      shape<Row>(await client.query({ name: statement.name, text: statement.text, values: [...values] })),
    run: async <Row>(compiled: CompiledSql) =>
      shape<Row>(await client.query({ text: compiled.sql, values: [...compiled.parameters] })),
    onCommit: (callback) => void callbacks.push(callback),
  };
}

/** The only row of a result. @throws ERR_DB_ROW_COUNT when there is not exactly one */
export function exactlyOne<Row>(result: QueryResult<Row>, what: string): Row {
  const row = result.rows[0];
  if (row === undefined || result.rows.length !== 1) {
    throw databaseError('ERR_DB_ROW_COUNT', `expected one ${what}, the database gave ${result.rows.length}`);
  }
  return row;
}
