import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { silentLogger } from '../kernel/index.ts';
import { testUnless } from '../tests/support/skip.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-embedded-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const start = (): Promise<EmbeddedPostgres> =>
  startEmbeddedPostgres({
    dataFolder: join(folder, 'postgres'),
    secretsFolder: join(folder, 'secrets'),
    logger: silentLogger,
  });

async function remember(url: string, text: string): Promise<readonly unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('create table if not exists note (text text)');
  await client.query('insert into note values ($1)', [text]);
  const { rows } = await client.query('select text from note order by text');
  await client.end();
  return rows.map((row) => (row as { text: string }).text);
}

async function twice(): Promise<void> {
  const first = await start();
  expect(await remember(await first.createDatabase('probe'), 'a')).toEqual(['a']);
  await first.stop();
  const second = await start();
  expect(await remember(await second.createDatabase('probe'), 'b')).toEqual(['a', 'b']);
  await second.stop();
}

test('keeps its data over a stop and a start', async () => {
  await chmod(folder, 0o711);
  await twice();
}, 60_000);

const standIns = async (): Promise<readonly string[]> =>
  (await readdir('/var/tmp')).filter((name) => name.startsWith('gatehouse-'));

testUnless(
  process.getuid?.() === 0 ? null : 'only root lends the server another user',
  'works as root in a folder that nobody else can enter, and keeps its data there as well',
  async () => {
    const before = new Set(await standIns());
    await chmod(folder, 0o700);
    await twice();
    const made = (await standIns()).filter((name) => !before.has(name)).map((name) => join('/var/tmp', name));
    expect(made.length).toBeGreaterThan(0);
    for (const place of made) {
      expect((await stat(place)).uid).toBe(0);
      await rm(place, { recursive: true });
    }
  },
  60_000,
);
