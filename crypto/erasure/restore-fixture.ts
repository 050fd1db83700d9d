import pg from 'pg';

async function asServer<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: process.env['GATEHOUSE_TEST_ADMIN_URL'] });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Every byte of the database, as a physical backup has it. */
export async function copyDatabase(adminUrl: string, name: string): Promise<string> {
  const url = new URL(adminUrl);
  const source = url.pathname.slice(1);
  await asServer(async (client) => {
    for (let attempt = 1; ; attempt += 1) {
      await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
        source,
      ]);
      try {
        await client.query(`create database ${name} template ${source}`);
        break;
      } catch (error) {
        if ((error as { code?: string }).code !== '55006' || attempt === 50) throw error; // somebody reconnected
      }
    }
    await client.query(`grant connect on database ${name} to gatehouse_app, gatehouse_sequencer`);
  });
  url.pathname = `/${name}`;
  return url.href;
}

/** Ends its visitors and drops it. */
export const dropDatabase = (name: string): Promise<unknown> =>
  asServer((client) => client.query(`drop database if exists ${name} with (force)`));
