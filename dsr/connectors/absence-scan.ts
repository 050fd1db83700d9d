import type { DataMap } from '../../datamap/index.ts';
import type { Crypto } from '../../crypto/index.ts';
import { sql, queryBuilder, type RawBuilder, type SqlBool, type Tx } from '../../db/index.ts';
import type { PlanStep } from '../plan-document.ts';
import type { Catalog, CatalogColumn, CatalogTable } from './catalog.ts';
import type { AbsenceFinding, AbsenceResult, SearchTerms } from './connector.ts';
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
  readonly needles: readonly string[];
  readonly blind: readonly Buffer[];
  readonly raw: readonly Buffer[];
};

/**
 * Looks through every column of every table of the mapped schemas, as the catalog has them and not as the plan lists
 * them, one statement per table. `indexed` asks only what an index answers; `full` reads every text, JSON, array and
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
  const sought: Sought = {
    terms: input.terms,
    needles: needles(input.terms),
    blind: await blindIndexValues(ports, tx, input.terms),
    raw: rawNeedles(input.terms),
  };
  const findings: AbsenceFinding[] = [];
  let columns = 0;
  for (const table of catalog.tables) {
    const probes = table.columns.flatMap((column) => probesOf(table, column, sought, input.scope));
    columns += probes.length;
    const hits =
      input.scope === 'indexed' ? await probeByIndex(tx, table, probes) : await readWhole(tx, table, probes);
    findings.push(...hits.map((hit) => judge(hit, input.steps)));
  }
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
  if (scope === 'indexed' || !isTextual(column) || sought.needles.length === 0) return [];
  const patterns = sought.needles.map(
    (word) => `%${word.replaceAll(/[\\%_]/g, (special) => `\\${special}`)}%`,
  );
  // Most values are shorter than anything sought; LIKE ANY lowers the rest once for all patterns.
  const shortest = Math.min(...sought.needles.map((word) => Buffer.byteLength(word)));
  return [
    probe(
      'text',
      sql`octet_length(${own}::text) >= ${shortest} and lower(${own}::text) like any(${patterns}::text[])`,
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

/** Each column by its own index, joined in one statement. */
async function probeByIndex(tx: Tx, table: CatalogTable, probes: readonly Probe[]): Promise<readonly Hit[]> {
  if (probes.length === 0) return [];
  const parts = probes.map(
    ({ condition }, index) =>
      sql`select ${index}::integer as position, count(*)::integer as rows from ${sql.id(table.schema, table.table)} where ${condition}`,
  );
  const { rows } = await tx.run<{ position: number; rows: number }>(
    sql`${sql.join(parts, sql` union all `)}`.compile(queryBuilder),
  );
  return toHits(probes, rows);
}

/** One pass over the tenant's rows for all columns together. */
async function readWhole(tx: Tx, table: CatalogTable, probes: readonly Probe[]): Promise<readonly Hit[]> {
  if (probes.length === 0) return [];
  const counts = probes.map(
    ({ condition }, index) => sql`count(*) filter (where ${condition})::integer as ${sql.id(`p${index}`)}`,
  );
  const query = sql<
    Record<string, number>
  >`select ${sql.join(counts)} from ${sql.id(table.schema, table.table)}`;
  const { rows } = await tx.run<Record<string, number>>(query.compile(queryBuilder));
  return toHits(
    probes,
    probes.map((_probe, index) => ({ position: index, rows: rows[0]?.[`p${index}`] ?? 0 })),
  );
}

function toHits(
  probes: readonly Probe[],
  rows: readonly { readonly position: number; readonly rows: number }[],
): readonly Hit[] {
  return rows.flatMap(({ position, rows: count }) => {
    const probe = probes[position];
    return probe === undefined || count === 0
      ? []
      : [{ table: probe.table, column: probe.column, kind: probe.kind, rows: count }];
  });
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
