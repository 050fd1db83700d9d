import { createHash } from 'node:crypto';
import {
  queryBuilder,
  statement,
  type CompiledSql,
  type QueryResult,
  type RawBuilder,
  type Tx,
} from '../../db/index.ts';

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
  return runCompiled<Row>(tx, shareParameters(query.compile(queryBuilder)));
}

function runCompiled<Row extends object>(
  tx: Tx,
  { sql, parameters }: CompiledSql,
): Promise<QueryResult<Row>> {
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
function shareParameters(compiled: CompiledSql): CompiledSql {
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

/** Places in templates, by name, and what they are called. */
const slots = new Map<string, object>();
const slotNames = new WeakMap<object, string>();
const templates = new WeakMap<object, Map<string, CompiledSql>>();

/** A value that is given when the template runs; the same name is the same parameter. */
export function slot<Value>(name: string): Value {
  const place = slots.get(name) ?? {};
  slots.set(name, place);
  slotNames.set(place, name);
  return place as Value; // only the compiler sees it, and passes it through
}

/**
 * Runs SQL that is put together once for its owner, which costs more than running it when there are many tables.
 *
 * @param of - the owner (a map, a catalog) and what tells its templates apart
 * @param values - by slot name
 */
export function runTemplate<Row extends object>(
  tx: Tx,
  of: { readonly owner: object; readonly name: string; readonly values: Readonly<Record<string, unknown>> },
  build: () => RawBuilder<unknown>,
): Promise<QueryResult<Row>> {
  const mine = templates.get(of.owner) ?? new Map<string, CompiledSql>();
  templates.set(of.owner, mine);
  const template = mine.get(of.name) ?? shareParameters(build().compile(queryBuilder));
  mine.set(of.name, template);
  const parameters = template.parameters.map((value) => {
    const name = typeof value === 'object' && value !== null ? slotNames.get(value) : undefined;
    return name === undefined ? value : of.values[name];
  });
  return runCompiled<Row>(tx, { sql: template.sql, parameters });
}
