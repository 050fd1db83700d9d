import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { createDatabase, deriveConnectionUrls, type Database } from '../../db/index.ts';
import { parseTenantId, type TenantId } from '../../kernel/index.ts';
import { testLogger } from './logger.ts';

/** A migrated database of its own, for one test file. */
export type TestDatabase = {
  readonly database: Database;
  readonly adminUrl: string;
  /** Runs SQL as the administrator, past every wall; for looking and for planting faults. */
  readonly admin: (text: string, values?: readonly unknown[]) => Promise<pg.QueryResult>;
  readonly createTenant: (slug?: string) => Promise<TenantId>;
  readonly close: () => Promise<void>;
};

/** Copies the migrated template. Call it in `beforeAll` and `close()` it in `afterAll`. */
export async function createTestDatabase(
  options: { readonly poolSize?: number } = {},
): Promise<TestDatabase> {
  const serverUrl = process.env['GATEHOUSE_TEST_ADMIN_URL'];
  if (serverUrl === undefined)
    throw new Error('no test server; run through jest, whose global setup starts one');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await copyTemplate(serverUrl, name);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const adminUrl = url.href;
  const database = createDatabase({ urls: deriveConnectionUrls(adminUrl), logger: testLogger, ...options });
  const adminPool = new pg.Pool({ connectionString: adminUrl, max: 2 });
  // Dropping the database may end a connection that is still closing.
  adminPool.on('error', () => undefined);
  const admin = (text: string, values: readonly unknown[] = []): Promise<pg.QueryResult> =>
    adminPool.query(text, [...values]);
  return {
    database,
    adminUrl,
    admin,
    createTenant: async (slug = `t${randomUUID().slice(0, 8)}`) => {
      const id = parseTenantId(randomUUID());
      await admin('insert into db.tenant (id, slug, name) values ($1, $2, $2)', [id, slug]);
      return id;
    },
    close: async () => {
      await database.close();
      await adminPool.end();
      const client = new pg.Client({ connectionString: serverUrl });
      await client.connect();
      await client.query(`drop database if exists ${name} with (force)`);
      await client.end();
    },
  };
}

async function copyTemplate(serverUrl: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await client.query(`create database ${name} template gatehouse_template`);
        // Database-level grants are not copied with a template.
        await client.query(`revoke all on database ${name} from public`);
        await client.query(`grant connect on database ${name} to gatehouse_app, gatehouse_sequencer`);
        return;
      } catch (error) {
        const busy = (error as { code?: string }).code === '55006'; // another worker copies the template just now
        if (!busy || attempt === 50) throw error;
        await new Promise((wake) => setTimeout(wake, 50));
      }
    }
  } finally {
    await client.end();
  }
}
