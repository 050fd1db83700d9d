import type { DataMap } from '../../datamap/index.ts';
import type { Crypto } from '../../crypto/index.ts';
import { sql, type RawBuilder, type SqlBool, type Tx } from '../../db/index.ts';
import type { PlanStep } from '../plan-document.ts';
import type { Catalog, CatalogColumn, CatalogTable } from './catalog.ts';
import type { AbsenceFinding, AbsenceResult, SearchTerms } from './connector.ts';
import { runPrepared } from './run-prepared.ts';
import { blindIndexValues, needles, rawNeedles } from './search-terms.ts';

type Ports = { readonly dataMap: DataMap; readonly crypto: Crypto };
type Probe = {
  readonly table: CatalogTable;
  readonly column: string;
  readonly kind: AbsenceFinding['kind'];
  readonly condition: RawBuilder<SqlBool>;
};

/** What is compared with what. */
type Sought = {
  readonly terms: SearchTerms;
  /** LIKE patterns, and the bytes of the shortest thing sought. */
  readonly patterns: readonly string[];
  readonly shortest: number;
  readonly blind: readonly Buffer[];
  readonly raw: readonly Buffer[];
};

/**
 * Looks through every column of every table of the mapped schemas, as the catalog has them and not as the plan lists
 * them, several tables per statement. `indexed` asks only what an index answers; `full` reads every text, JSON, array and
 * bytea column of the tenant.
 */
export async function scanForPerson(
  ports: Ports,
  tx: Tx,
  catalog: Catalog,
  input: {
    readonly terms: SearchTerms;
    readonly steps: readonly PlanStep[];
    readonly scope: 'indexed' | 'full';
  },
): Promise<AbsenceResult> {
  const words = needles(input.terms);
  const sought: Sought = {
    terms: input.terms,
    patterns: words.map((word) => `%${word.replaceAll(/[\\%_]/g, (special) => `\\${special}`)}%`),
    shortest: Math.min(...words.map((word) => Buffer.byteLength(word))),
    blind: await blindIndexValues(ports, tx, input.terms),
    raw: rawNeedles(input.terms),
  };
  const probes = catalog.tables.map((table) =>
    table.columns.flatMap((column) => probesOf(table, column, sought, input.scope)),
  );
  const hits: Hit[] = [];
  for (let at = 0; at < probes.length; at += tablesPerStatement)
    hits.push(...(await probe(tx, probes.slice(at, at + tablesPerStatement), input.scope)));
  const findings = hits.map((hit) => judge(hit, input.steps));
  const columns = probes.flat().length;
  const clean = findings.every((finding) => finding.exemption !== null);
  return { scope: input.scope, tables: catalog.tables.length, columns, findings, clean };
}

function probesOf(
  table: CatalogTable,
  column: CatalogColumn,
  sought: Sought,
  scope: 'indexed' | 'full',
): readonly Probe[] {
  if (column.name === 'tenant_id' || (scope === 'indexed' && !column.indexed)) return [];
  const own = sql.id(column.name);
  const probe = (kind: Probe['kind'], condition: RawBuilder<SqlBool>): Probe => ({
    table,
    column: column.name,
    kind,
    condition,
  });
  if (column.type === 'uuid') {
    const { subjects, rowIds } = sought.terms;
    return [
      probe('subject_id', sql`${own} = any(${subjects}::uuid[])`),
      ...(rowIds.length === 0 ? [] : [probe('row_id', sql`${own} = any(${rowIds}::uuid[])`)]),
    ];
  }
  if (column.type === 'bytea') {
    const equal =
      sought.blind.length === 0 ? [] : [probe('blind_index', sql`${own} = any(${sought.blind}::bytea[])`)];
    if (scope === 'indexed' || sought.raw.length === 0) return equal;
    return [
      ...equal,
      probe('text', anyOf(sought.raw.map((bytes) => sql`position(${bytes}::bytea in ${own}) > 0`))),
    ];
  }
  if (scope === 'indexed' || !isTextual(column) || sought.patterns.length === 0) return [];
  // Most values are shorter than anything sought; LIKE ANY lowers the rest once for all patterns.
  return [
    probe(
      'text',
      sql`octet_length(${own}::text) >= ${sought.shortest}::integer and lower(${own}::text) like any(${sought.patterns}::text[])`,
    ),
  ];
}

function isTextual(column: CatalogColumn): boolean {
  return (
    column.category === 'S' ||
    column.category === 'A' ||
    /^(jsonb?|xml|citext|hstore|tsvector|"?char"?)$/.test(column.type)
  );
}

const anyOf = (conditions: readonly RawBuilder<unknown>[]): RawBuilder<SqlBool> =>
  sql`(${sql.join([...conditions], sql` or `)})`;

type Hit = Omit<Probe, 'condition'> & { readonly rows: number };

const tablesPerStatement = 50;

/**
 * Counts the hits of every column. `indexed` adds that one of the columns must match, which PostgreSQL answers from
 * their indexes; `full` makes one pass over all rows of the tenant.
 */
async function probe(
  tx: Tx,
  tables: readonly (readonly Probe[])[],
  scope: 'indexed' | 'full',
): Promise<readonly Hit[]> {
  const asked = tables.filter((probes) => probes.length > 0);
  const parts = asked.map((probes, position) => {
    const [{ table }] = probes as readonly [Probe]; // not empty
    const counts = probes.map(({ condition }) => sql`count(*) filter (where ${condition})`);
    const where = scope === 'full' ? sql`` : sql` where ${anyOf(probes.map(({ condition }) => condition))}`;
    return sql`select ${sql.lit(position)} as position, array[${sql.join(counts)}]::integer[] as hits
      from ${sql.id(table.schema, table.table)}${where}`;
  });
  if (parts.length === 0) return [];
  const { rows } = await runPrepared<{ position: number; hits: readonly number[] }>(
    tx,
    sql.join(parts, sql` union all `),
  );
  return rows.flatMap(({ position, hits }) =>
    (asked[position] ?? []).flatMap(({ table, column, kind }, at) =>
      (hits[at] ?? 0) === 0 ? [] : [{ table, column, kind, rows: hits[at] ?? 0 }],
    ),
  );
}

/** Covered is only what the approved plan kept, in no more rows than it kept. */
function judge(hit: Hit, steps: readonly PlanStep[]): AbsenceFinding {
  const table = `${hit.table.schema}.${hit.table.table}`;
  const step = steps.find((one) => one.table === table);
  const finding = { table, column: hit.column, kind: hit.kind, rows: hit.rows };
  if (step === undefined || hit.rows > step.rows) return { ...finding, exemption: null };
  if (step.action === 'keep' && step.exemption !== null)
    return { ...finding, exemption: step.exemption.code };
  // A row that stays for a foreign key keeps its pseudonymous ids and nothing else.
  const pseudonymous = hit.kind === 'subject_id' || hit.kind === 'row_id';
  if (step.action === 'fields' && pseudonymous)
    return { ...finding, exemption: step.exemption?.code ?? 'pseudonymous_row' };
  return { ...finding, exemption: null };
}
