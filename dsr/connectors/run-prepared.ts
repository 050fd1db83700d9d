import { createHash } from 'node:crypto';
import { queryBuilder, statement, type QueryResult, type RawBuilder, type Tx } from '../../db/index.ts';

/** Texts that may be prepared per process; what maps of many tenants add beyond is planned every time. */
const maxPrepared = 256;
const known = new Map<string, ReturnType<typeof statement>>();

/**
 * Runs SQL whose text depends on the data map alone, so that PostgreSQL parses and plans it once per connection. Must not
 * be used for `select *`: a prepared statement's columns never change.
 */
export function runPrepared<Row extends object>(
  tx: Tx,
  query: RawBuilder<unknown>,
): Promise<QueryResult<Row>> {
  const { sql, parameters } = shareParameters(query.compile(queryBuilder));
  const prepared = known.get(sql) ?? remember(sql);
  return prepared === null ? tx.run<Row>({ sql, parameters }) : tx.query<Row>(prepared, parameters);
}

function remember(text: string): ReturnType<typeof statement> | null {
  if (known.size >= maxPrepared) return null;
  const prepared = statement(`dsr.map_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`, text);
  known.set(text, prepared);
  return prepared;
}

/** A value that stands in many places is sent once. */
function shareParameters(compiled: { readonly sql: string; readonly parameters: readonly unknown[] }): {
  readonly sql: string;
  readonly parameters: readonly unknown[];
} {
  const parameters: unknown[] = [];
  const places = compiled.parameters.map((value) => {
    const at = typeof value === 'object' && value !== null ? parameters.indexOf(value) : -1;
    return at >= 0 ? at + 1 : parameters.push(value);
  });
  // Quoted names and literals are left as they are.
  const sql = compiled.sql.replace(/"(?:[^"]|"")*"|'(?:[^']|'')*'|\$(\d+)/g, (token, place?: string) =>
    place === undefined ? token : `$${places[Number(place) - 1]}`,
  );
  return { sql, parameters };
}
