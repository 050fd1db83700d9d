import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { Crypto } from '../../crypto/index.ts';
import { encryptionPlan, type DataMap, type DataMapRegistry } from '../../datamap/index.ts';
import { queryBuilder, sql, type Database, type Tx } from '../../db/index.ts';
import { GatehouseError, type AuditSink, type NewId, type TenantId } from '../../kernel/index.ts';
import { chinookTables, readScript, type ScriptStatement } from './script.ts';

/** What loading needs. */
export type LoadChinookInput = {
  /** A role that may create schemas; makes the tables once per database. */
  readonly adminUrl: string;
  readonly database: Database;
  readonly crypto: Pick<Crypto, 'sealRows' | 'warm'>;
  readonly registry: DataMapRegistry;
  readonly audit: AuditSink<Tx>;
  readonly newId: NewId;
  readonly tenantId: TenantId;
  /** The published script. */
  readonly script: string;
};

type Row = Readonly<Record<string, unknown>>;

/**
 * Loads the Chinook shop as a wrapped service of one tenant: the script runs in a scratch schema, its rows are sealed and
 * copied, the map joins the tenant's.
 *
 * @returns rows by table
 * @throws ERR_CONFLICT when the tenant has it already, RangeError when the script is not the one it should be
 */
export async function loadChinook(input: LoadChinookInput): Promise<Readonly<Record<string, number>>> {
  const statements = readScript(input.script);
  const tables = await readRows(input.adminUrl, statements);
  await ensureSchema(input.adminUrl);
  await input.crypto.warm(input.tenantId);
  const yaml = await readFile(join(import.meta.dirname, 'datamap.yaml'), 'utf8');
  return input.database.withTenant(
    input.tenantId,
    async (tx) => {
      await requireEmpty(tx);
      const actor = { kind: 'system', id: 'example', displayName: 'Gatehouse examples' } as const;
      const map = await input.registry.loadService(tx, {
        name: 'examples/chinook/datamap.yaml',
        yaml,
        actor,
        audit: input.audit,
      });
      const counts: Record<string, number> = {};
      for (const table of chinookTables) {
        const rows = prepareRows(table, tables.get(table) ?? [], input.newId);
        counts[table] = await copyTable(tx, { crypto: input.crypto, map, table, rows });
      }
      return counts;
    },
    { statementTimeoutMilliseconds: 120_000 },
  );
}

/** Runs the script where nothing else is, without an administrator's powers, and takes everything back. */
async function readRows(
  adminUrl: string,
  statements: readonly ScriptStatement[],
): Promise<ReadonlyMap<string, readonly Row[]>> {
  return withAdmin(adminUrl, async (client) => {
    await client.query('begin');
    try {
      await client.query('create schema chinook_scratch authorization gatehouse_owner');
      await client.query('set local role gatehouse_owner');
      await client.query('set local search_path = chinook_scratch');
      for (const { text } of statements) await client.query(text);
      const rows = new Map<string, readonly Row[]>();
      for (const table of chinookTables) {
        const result = await client.query<{ row: Row }>(
          `select to_jsonb(t) as row from chinook_scratch.${table} t`,
        );
        rows.set(
          table,
          result.rows.map(({ row }) => row),
        );
      }
      return rows;
    } finally {
      await client.query('rollback');
    }
  });
}

async function ensureSchema(adminUrl: string): Promise<void> {
  const text = await readFile(join(import.meta.dirname, 'schema.sql'), 'utf8');
  await withAdmin(adminUrl, async (client) => {
    const { rows } = await client.query<{ present: boolean }>(
      `select to_regnamespace('chinook') is not null as present`,
    );
    if (rows[0]?.present === true) return;
    await client.query('begin');
    await client.query('create schema chinook authorization gatehouse_owner');
    await client.query('set local role gatehouse_owner');
    await client.query(text);
    await client.query('commit');
  });
}

async function withAdmin<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'gatehouse-example' });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function requireEmpty(tx: Tx): Promise<void> {
  const query = sql`select 1 from chinook.artist where tenant_id = ${tx.tenantId}::uuid limit 1`;
  if ((await run(tx, query)).length > 0) {
    throw new GatehouseError('ERR_CONFLICT', 'this tenant has the Chinook shop already', { status: 409 });
  }
}

/** What the original does not have or has in another form. */
function prepareRows(table: string, rows: readonly Row[], newId: NewId): readonly Row[] {
  const day = (value: unknown): unknown => (typeof value === 'string' ? value.slice(0, 10) : value);
  if (table === 'customer') return rows.map((row) => ({ ...row, subject_id: newId() }));
  if (table === 'playlist_track') return rows.map((row, index) => ({ ...row, playlist_track_id: index + 1 }));
  if (table === 'employee')
    return rows.map((row) => ({
      ...row,
      birth_date: day(row['birth_date']),
      hire_date: day(row['hire_date']),
    }));
  // The script's times have no zone.
  if (table === 'invoice')
    return rows.map((row) => ({ ...row, invoice_date: `${String(row['invoice_date'])}Z` }));
  return rows;
}

async function copyTable(
  tx: Tx,
  {
    crypto,
    map,
    table,
    rows,
  }: {
    readonly crypto: Pick<Crypto, 'sealRows'>;
    readonly map: DataMap;
    readonly table: string;
    readonly rows: readonly Row[];
  },
): Promise<number> {
  const collection = map.collection(`chinook.${table}`);
  if (collection === null) throw new RangeError(`the map has no collection "${table}"`);
  const sealed = await crypto.sealRows(tx, encryptionPlan(collection), rows);
  const documents = sealed.map((row) => ({ ...mapValues(row), tenant_id: tx.tenantId }));
  const target = sql.id('chinook', table);
  await run(
    tx,
    sql`insert into ${target} select * from jsonb_populate_recordset(null::${target}, ${JSON.stringify(documents)}::jsonb)`,
  );
  return rows.length;
}

function mapValues(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : value,
    ]),
  );
}

async function run(tx: Tx, query: ReturnType<typeof sql>): Promise<readonly Row[]> {
  const { sql: text, parameters } = query.compile(queryBuilder);
  return (await tx.run<Record<string, unknown>>({ sql: text, parameters })).rows;
}
