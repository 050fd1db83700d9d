import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import * as copyStreams from 'pg-copy-streams';
import { roleSecrets, type Tx } from '../../db/index.ts';
import { signTenantSetting } from '../../db/tenant-setting.ts';
import type { TenantId } from '../../kernel/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/**
 * For every table of the migrated database and every verb: as tenant A, not one byte of tenant B. One connection, so
 * that tenants follow each other on the same backend; canaries of B are in every table that can hold one.
 */
type Column = {
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
  readonly hasDefault: boolean;
  readonly generated: boolean;
};
type Table = {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly grants: ReadonlySet<string>;
};

// The library has no types of its own.
const { to: copyTo } = copyStreams as unknown as { readonly to: (text: string) => pg.Submittable };

const canary = `CANARY${randomUUID().replaceAll('-', '')}`;
let db: TestDatabase;
let mine: TenantId;
let other: TenantId;
let tables: readonly Table[];
const planted = new Set<string>();

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 1 });
  mine = await db.createTenant();
  other = await db.createTenant();
  tables = await readTables();
  for (const table of tables) await plant(table);
}, 60_000);
afterAll(() => db.close());

async function readTables(): Promise<readonly Table[]> {
  const { rows } = await db.admin(`
    select format('%I.%I', n.nspname, c.relname) as name,
      json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, null), 'notNull', a.attnotnull,
        'hasDefault', a.atthasdef, 'generated', a.attgenerated <> '' or a.attidentity <> '') order by a.attnum) as columns,
      array(select g.privilege_type::text from pg_class k, aclexplode(k.relacl) g where k.oid = c.oid and g.grantee = 'gatehouse_app'::regrole) as grants
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relkind in ('r', 'p') and c.relrowsecurity group by n.nspname, c.relname, c.oid order by 1`);
  return rows.map((row: { name: string; columns: Column[]; grants: string[] }) => ({
    ...row,
    grants: new Set(row.grants),
  }));
}

const samples: Readonly<Record<string, string>> = {
  uuid: `gen_random_uuid()`,
  text: `'${canary}'`,
  'character varying': `'${canary}'`,
  bytea: `convert_to('${canary}', 'UTF8')`,
  jsonb: `jsonb_build_object('canary', '${canary}')`,
  json: `json_build_object('canary', '${canary}')`,
  integer: '1',
  bigint: '1',
  smallint: '1',
  numeric: '1',
  boolean: 'true',
  'timestamp with time zone': 'now()',
  date: 'current_date',
  inet: `'192.0.2.1'`,
  cidr: `'192.0.2.0/24'`,
  'double precision': '1',
  'bigint[]': 'array[1::bigint]',
  tsvector: `array_to_tsvector(array['${canary}'])`,
  'text[]': `array['${canary}']`,
  'uuid[]': 'array[gen_random_uuid()]',
  'bytea[]': `array[convert_to('${canary}', 'UTF8')]`,
};

const valueFor = (column: Column, tenant: TenantId): string | null =>
  column.name === 'tenant_id' ? `'${tenant}'` : (samples[column.type] ?? null);

/** A row of the other tenant, past every wall: constraints and triggers are off for the administrator's session. */
async function plant(table: Table): Promise<void> {
  const columns = table.columns.filter(({ generated }) => !generated);
  const values = columns.map((column) => valueFor(column, other) ?? 'null');
  const { rows } = await db.admin(
    `select conname from pg_constraint where conrelid = '${table.name}'::regclass and contype = 'c'`,
  );
  for (const { conname } of rows as { conname: string }[])
    await db.admin(`alter table ${table.name} drop constraint "${conname}"`);
  try {
    await db.admin(
      `set session_replication_role = replica; insert into ${table.name} (${columns.map(({ name }) => `"${name}"`).join(', ')}) values (${values.join(', ')}); set session_replication_role = default`,
    );
    planted.add(table.name);
  } catch {
    await db.admin('set session_replication_role = default'); // reported by the test that counts what is planted
  }
}

/** What one statement gives as tenant A, or the SQLSTATE it is refused with. */
async function attempt(
  text: string,
): Promise<{ readonly rows: readonly object[]; readonly count: number; readonly refused: string | null }> {
  try {
    const { rows, rowCount } = await db.database.withTenant(mine, (tx: Tx) =>
      tx.run({ sql: text, parameters: [] }),
    );
    return { rows, count: rowCount, refused: null };
  } catch (error) {
    return { rows: [], count: 0, refused: String((error as { code?: unknown }).code) };
  }
}

/** COPY on a connection of the application's own, inside a transaction signed for tenant A. */
async function copyOut(
  client: pg.Client,
  text: string,
): Promise<{ readonly bytes: string; readonly refused: string | null }> {
  await client.query('begin');
  try {
    const { rows } = await client.query<{ pid: number; at: string }>(
      'select pg_backend_pid() as pid, (extract(epoch from transaction_timestamp()) * 1000000)::bigint::text as at',
    );
    const { pid, at } = rows[0] ?? { pid: 0, at: '' };
    const setting = signTenantSetting(roleSecrets(db.database.urls).tenantSettingKey, mine, pid, at);
    await client.query(`select set_config('gatehouse.tenant', $1, true)`, [setting]);
    const chunks: Buffer[] = [];
    for await (const chunk of client.query(copyTo(text)) as unknown as AsyncIterable<Buffer>)
      chunks.push(chunk);
    return { bytes: Buffer.concat(chunks).toString('utf8'), refused: null };
  } catch (error) {
    return { bytes: '', refused: String((error as { code?: unknown }).code) };
  } finally {
    await client.query('rollback');
  }
}

/** The rows of the other tenant as they rest, so that any change shows. */
async function rowsOfOther(table: Table): Promise<string> {
  const { rows } = await db.admin(
    `select coalesce(string_agg(md5(t::text), ',' order by md5(t::text)), '') as digest from ${table.name} t where tenant_id = $1`,
    [other],
  );
  return (rows[0] as { digest: string }).digest;
}

/** Runs as tenant A with the other tenant's transactions in between, on the one connection of the pool. */
async function eachTable(work: (table: Table) => Promise<string | null>): Promise<readonly string[]> {
  const breaches: string[] = [];
  for (const table of tables) {
    await db.database.withTenant(other, (tx) => tx.run({ sql: 'select 1', parameters: [] }));
    const before = await rowsOfOther(table);
    const breach = await work(table);
    if (breach !== null) breaches.push(`${table.name}: ${breach}`);
    if ((await rowsOfOther(table)) !== before)
      breaches.push(`${table.name}: rows of the other tenant changed`);
  }
  return breaches;
}

const leaked = (value: unknown): boolean => {
  const text = JSON.stringify(value);
  return text.includes(canary) || text.includes(other) || text.includes(Buffer.from(canary).toString('hex'));
};

test('there are tables, and a canary of the other tenant in every one', () => {
  expect(tables.length).toBeGreaterThan(20);
  expect(tables.map(({ name }) => name).filter((name) => !planted.has(name))).toEqual([]);
});

describe('as tenant A', () => {
  test.each([
    ['a plain select', (name: string) => `select * from ${name}`],
    [
      'a select by the other tenant id',
      (name: string) => `select * from ${name} where tenant_id = '${'OTHER'}'`,
    ],
    [
      'a select that is always true',
      (name: string) => `select * from ${name} where tenant_id is not null or true`,
    ],
    ['a count', (name: string) => `select count(*) from ${name} having count(*) > 0`],
    [
      'a join with itself',
      (name: string) => `select a.* from ${name} a full join ${name} b using (tenant_id)`,
    ],
    ['a whole-row cast', (name: string) => `select t::text, row_to_json(t) from ${name} t`],
    [
      'a subquery in a values list',
      (name: string) =>
        `select (select string_agg(t::text, '') from ${name} t) as text having (select count(*) from ${name}) > 0`,
    ],
    ['a lock', (name: string) => `select * from ${name} for update`],
    [
      'a union with nothing',
      (name: string) => `select t::text from ${name} t union all select null where false`,
    ],
    ['a lateral call', (name: string) => `select j from ${name} t, lateral jsonb_each(to_jsonb(t)) j`],
  ])('%s of every table gives nothing of tenant B', async (_what, text) => {
    const breaches = await eachTable(async ({ name }) => {
      const { rows } = await attempt(text(name).replaceAll('OTHER', other));
      return rows.length > 0 && leaked(rows)
        ? 'leaked'
        : rows.length > 0
          ? `${rows.length} rows where A has none`
          : null;
    });
    expect(breaches).toEqual([]);
  });

  test('update, delete and their returning touch nothing of tenant B', async () => {
    const breaches = await eachTable(async ({ name }) => {
      for (const text of [
        `update ${name} set tenant_id = tenant_id returning *`,
        `update ${name} set tenant_id = '${mine}' where tenant_id = '${other}' returning *`,
        `delete from ${name} returning *`,
        `delete from ${name} where tenant_id = '${other}'`,
        `with gone as (delete from ${name} returning *) select * from gone`,
        `merge into ${name} t using (select 1) s on true when matched then delete`,
      ]) {
        const { count, rows } = await attempt(text);
        if (count > 0 || rows.length > 0) return `${text} touched ${count}`;
      }
      return null;
    });
    expect(breaches).toEqual([]);
  });

  test('an insert for tenant B, and an ON CONFLICT that would update a row of B, are refused', async () => {
    const breaches = await eachTable(async ({ name, columns }) => {
      const own = columns.filter(({ generated }) => !generated);
      const names = own.map((column) => `"${column.name}"`).join(', ');
      const values = own.map((column) => valueFor(column, other) ?? 'null').join(', ');
      const first = `insert into ${name} (${names}) values (${values})`;
      for (const text of [
        first,
        `${first} on conflict do nothing`,
        `${first} on conflict do nothing returning *`,
      ]) {
        const { refused } = await attempt(text);
        if (refused !== '42501' && refused !== '23514')
          // a trigger may speak before the wall
          return `${text.slice(0, 60)} gave ${String(refused)}`;
      }
      return null;
    });
    expect(breaches).toEqual([]);
  });

  test('ON CONFLICT DO UPDATE on the key of a row of B changes and shows nothing', async () => {
    const { rows: keys } = await db.admin(`
      select c.conrelid::regclass::text as name, array_agg(format('%I', a.attname)) as key
      from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
      where c.contype = 'p' group by 1`);
    const byTable = new Map((keys as { name: string; key: string[] }[]).map(({ name, key }) => [name, key]));
    const breaches = await eachTable(async ({ name, columns }) => {
      const key = byTable.get(name);
      if (key === undefined) return null;
      const names = columns.filter(({ generated }) => !generated).map((column) => `"${column.name}"`);
      const { rows } = await db.admin(
        `select ${names.map((one) => `quote_nullable(${one}) as ${one}`).join(', ')} from ${name} where tenant_id = $1`,
        [other],
      );
      const copy = Object.values((rows[0] ?? {}) as Record<string, string>);
      const text = `insert into ${name} (${names.join(', ')}) values (${copy.join(', ')}) on conflict (${key.join(', ')}) do update set tenant_id = '${mine}' returning *`;
      const { refused, rows: got } = await attempt(text);
      return refused === null || got.length > 0 ? `gave ${String(refused)}` : null;
    });
    expect(breaches).toEqual([]);
  });

  test('a unique key of B is no obstacle for A: the same key can be A’s own', async () => {
    const breaches = await eachTable(async ({ name, columns, grants }) => {
      if (!grants.has('INSERT')) return null;
      const names = columns.filter(({ generated }) => !generated).map((column) => `"${column.name}"`);
      const { rows } = await db.admin(
        `select ${names.map((one) => `quote_nullable(${one}) as ${one}`).join(', ')} from ${name} where tenant_id = $1`,
        [other],
      );
      const copy = Object.values((rows[0] ?? {}) as Record<string, string>).map((value) =>
        value === `'${other}'` ? `'${mine}'` : value,
      );
      const text = `insert into ${name} (${names.join(', ')}) values (${copy.join(', ')})`;
      const inserted = await db.database
        .withTenant(mine, async (tx) => {
          await tx.run({ sql: text, parameters: [] });
          throw new Error('undo');
        })
        .catch((error: unknown) => String((error as { code?: unknown }).code ?? 'undone'));
      return inserted === '23505' ? 'a unique violation speaks of another tenant' : null;
    });
    expect(breaches).toEqual([]);
  });

  test('COPY out gives nothing, by query or by table, and COPY in, to a file or a program is refused', async () => {
    const client = new pg.Client({ connectionString: db.database.urls.app });
    await client.connect();
    const breaches = await eachTable(async ({ name }) => {
      for (const text of [`copy ${name} to stdout`, `copy (select * from ${name}) to stdout`]) {
        const { bytes, refused } = await copyOut(client, text);
        if (bytes !== '' || (refused !== null && refused !== '42501'))
          return `${text} gave ${refused ?? bytes.slice(0, 80)}`;
      }
      for (const text of [
        `copy ${name} from stdin`,
        `copy ${name} to program 'cat'`,
        `copy ${name} to '/tmp/x'`,
      ]) {
        const { refused } = await copyOut(client, text);
        if (refused !== '42501' && refused !== '0A000') return `${text} gave ${String(refused)}`;
      }
      return null;
    });
    await client.end();
    expect(breaches).toEqual([]);
  });

  test('no function that the application may call gives a row of B', async () => {
    const { rows } = await db.admin(`
      select format('%I.%I', n.nspname, p.proname) as name, p.pronargs as arguments, p.prokind as kind, array(select format_type(t, null) from unnest(p.proargtypes) t) as types
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_%' and p.prokind = 'f'
        and p.prorettype <> 'trigger'::regtype and has_function_privilege('gatehouse_app', p.oid, 'execute') and has_schema_privilege('gatehouse_app', n.oid, 'usage')`);
    const breaches: string[] = [];
    for (const { name, types } of rows as { name: string; types: string[] }[]) {
      const values = types.map((type) =>
        type === 'uuid' ? `'${other}'::uuid` : `${samples[type] ?? 'null'}::${type}`,
      );
      const { rows: given } = await attempt(`select * from ${name}(${values.join(', ')})`);
      if (given.length > 0 && leaked(given))
        breaches.push(`${name} gave ${JSON.stringify(given).slice(0, 200)}`);
    }
    expect(rows.length).toBeGreaterThan(0);
    expect(breaches).toEqual([]);
  });

  test('the catalog statistics hold no value of B', async () => {
    await db.admin('analyze');
    const { rows } = await attempt(
      "select tablename, attname, most_common_vals::text, histogram_bounds::text from pg_stats where (schemaname, tablename) <> ('db', 'tenant')",
    );
    expect(leaked(rows)).toBe(false);
  });
});

test('two hundred interleaved transactions of two tenants on one connection never mix', async () => {
  const text =
    'select db.current_tenant() as tenant, (select count(*)::int from datamap.service) as services';
  const calls = Array.from({ length: 200 }, (_, number) => (number % 3 === 0 ? other : mine));
  const seen = await Promise.all(
    calls.map((tenant) =>
      db.database.withTenant(tenant, (tx) =>
        tx.run<{ tenant: string; services: number }>({ sql: text, parameters: [] }),
      ),
    ),
  );
  for (const [index, { rows }] of seen.entries()) {
    expect(rows[0]).toEqual({ tenant: calls[index], services: calls[index] === other ? 1 : 0 });
  }
});
