import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';

/** Table and column names known only at run time (they come from the data map). */
// oxlint-disable-next-line typescript/no-explicit-any -- the builder's own way to say "schema known at run time"
export type AnySchema = any;

/** A pure builder: it compiles queries and never runs them. Run what it compiles with `tx.run`. */
export const queryBuilder: Kysely<AnySchema> = new Kysely<AnySchema>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

export { sql } from 'kysely';
export type { Expression, ExpressionBuilder, RawBuilder, SqlBool } from 'kysely';
