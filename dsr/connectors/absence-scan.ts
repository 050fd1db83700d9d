import type { DataMap } from '../../datamap/index.ts';
import type { Crypto } from '../../crypto/index.ts';
import { sql, type RawBuilder, type SqlBool, type Tx } from '../../db/index.ts';
import type { PlanStep } from '../plan-document.ts';
import type { Catalog, CatalogColumn, CatalogTable } from './catalog.ts';
import type { AbsenceFinding, AbsenceResult, SearchTerms } from './connector.ts';
import { runTemplate, slot } from './run-prepared.ts';
import { blindIndexValues, needles, rawNeedles } from './search-terms.ts';

type Ports = { readonly dataMap: DataMap; readonly crypto: Crypto };
type Probe = {
  readonly table: CatalogTable;
  readonly column: string;
  readonly kind: AbsenceFinding['kind'];
  /** What counts as a hit. */
  readonly condition: RawBuilder<SqlBool>;
  /** What an index is asked; may cover several probes of one column. */
  readonly lookup: RawBuilder<SqlBool>;
};

/** How the question is put; everything else about it is values. */
type Shape = {
  readonly scope: 'indexed' | 'full';
  readonly rowIds: boolean;
  readonly blind: boolean;
  readonly words: boolean;
  readonly raw: number;
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
  const { terms, scope } = input;
  const words = needles(terms);
  const blind = await blindIndexValues(ports, tx, terms);
  const raw = rawNeedles(terms);
  const shape: Shape = {
    scope,
    rowIds: terms.rowIds.length > 0,
    blind: blind.length > 0,
    words: words.length > 0,
    raw: raw.length,
  };
  const values = {
    subjects: terms.subjects,
    rowIds: terms.rowIds,
    ids: [...terms.subjects, ...terms.rowIds],
    blind,
    patterns: words.map((word) => `%${word.replaceAll(/[\\%_]/g, (special) => `\\${special}`)}%`),
    shortest: Math.min(...words.map((word) => Buffer.byteLength(word))),
    ...Object.fromEntries(raw.map((bytes, at) => [`raw${at}`, bytes])),
  };
  const probes = probesFor(catalog, shape);
  const hits: Hit[] = [];
  for (let at = 0; at < probes.length; at += tablesPerStatement) {
    const part = probes.slice(at, at + tablesPerStatement);
    const name = `scan ${at} ${JSON.stringify(shape)}`;
    const { rows } = await runTemplate<PartHits>(tx, { owner: catalog, name, values }, () =>
      countHits(part, scope),
    );
    hits.push(...readHits(part, rows));
  }
  const findings = hits.map((hit) => judge(hit, input.steps));
  const clean = findings.every((finding) => finding.exemption !== null);
  return { scope, tables: catalog.tables.length, columns: probes.flat().length, findings, clean };
}

const known = new WeakMap<Catalog, Map<string, readonly (readonly Probe[])[]>>();

/** What is asked of every table that has anything to ask; worked out once per catalog and shape. */
function probesFor(catalog: Catalog, shape: Shape): readonly (readonly Probe[])[] {
  const mine = known.get(catalog) ?? new Map<string, readonly (readonly Probe[])[]>();
  known.set(catalog, mine);
  const key = JSON.stringify(shape);
  const probes =
    mine.get(key) ??
    catalog.tables
      .map((table) => table.columns.flatMap((column) => probesOf(table, column, shape)))
      .filter((list) => list.length > 0);
  mine.set(key, probes);
  return probes;
}

function probesOf(table: CatalogTable, column: CatalogColumn, shape: Shape): readonly Probe[] {
  const { scope } = shape;
  if (column.name === 'tenant_id' || (scope === 'indexed' && !column.indexed)) return [];
  const own = sql.id(column.name);
  const probe = (
    kind: Probe['kind'],
    condition: RawBuilder<SqlBool>,
    lookup: RawBuilder<SqlBool> = condition,
  ): Probe => ({ table, column: column.name, kind, condition, lookup });
  if (column.type === 'uuid') {
    const either = sql<SqlBool>`${own} = any(${slot('ids')}::uuid[])`;
    return [
      probe('subject_id', sql`${own} = any(${slot('subjects')}::uuid[])`, either),
      ...(shape.rowIds ? [probe('row_id', sql`${own} = any(${slot('rowIds')}::uuid[])`, either)] : []),
    ];
  }
  if (column.type === 'bytea') {
    const equal = shape.blind ? [probe('blind_index', sql`${own} = any(${slot('blind')}::bytea[])`)] : [];
    if (scope === 'indexed' || shape.raw === 0) return equal;
    const plain = Array.from(
      { length: shape.raw },
      (_, at) => sql`position(${slot(`raw${at}`)}::bytea in ${own}) > 0`,
    );
    return [...equal, probe('text', anyOf(plain))];
  }
  if (scope === 'indexed' || !isTextual(column) || !shape.words) return [];
  // Most values are shorter than anything sought; LIKE ANY lowers the rest once for all patterns.
  return [
    probe(
      'text',
      sql`octet_length(${own}::text) >= ${slot('shortest')}::integer and lower(${own}::text) like any(${slot('patterns')}::text[])`,
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

type Hit = Pick<Probe, 'table' | 'column' | 'kind'> & { readonly rows: number };
type PartHits = { readonly position: number; readonly hits: readonly number[] };

const tablesPerStatement = 50;

/**
 * Counts the hits of every column. `indexed` adds that one of the columns must match, which PostgreSQL answers from
 * their indexes; `full` makes one pass over all rows of the tenant.
 */
function countHits(tables: readonly (readonly Probe[])[], scope: 'indexed' | 'full'): RawBuilder<unknown> {
  const parts = tables.map((probes, position) => {
    const [{ table }] = probes as readonly [Probe]; // not empty
    const counts = probes.map(({ condition }) => sql`count(*) filter (where ${condition})`);
    const lookups = [...new Set(probes.map(({ lookup }) => lookup))];
    const where = scope === 'full' ? sql`` : sql` where ${anyOf(lookups)}`;
    return sql`select ${sql.lit(position)} as position, array[${sql.join(counts)}]::integer[] as hits
      from ${sql.id(table.schema, table.table)}${where}`;
  });
  return sql.join(parts, sql` union all `);
}

function readHits(tables: readonly (readonly Probe[])[], rows: readonly PartHits[]): readonly Hit[] {
  return rows.flatMap(({ position, hits }) =>
    (tables[position] ?? []).flatMap(({ table, column, kind }, at) =>
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
