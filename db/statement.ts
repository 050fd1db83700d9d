/** A fixed SQL text with a name; PostgreSQL plans it once per connection. */
export type Statement = { readonly kind: 'statement'; readonly name: string; readonly text: string };

/** SQL that was put together at run time by the query builder, values apart. */
export type CompiledSql = { readonly sql: string; readonly parameters: readonly unknown[] };

/**
 * Names a fixed SQL text. Statements live in a room's `store.ts` as exported constants; a test PREPAREs each of them.
 *
 * @param name - `room.verb_noun`, unique in the house, at most 63 bytes
 */
export function statement(name: string, text: string): Statement {
  if (name.length > 63) throw new RangeError(`statement name "${name}" is longer than 63 bytes`);
  return Object.freeze({ kind: 'statement', name, text });
}
