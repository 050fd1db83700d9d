import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { deriveConnectionUrls, migrate, roleSecrets } from '../db/index.ts';
import { migrationSources } from '../server/migration-sources.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';

let db: TestDatabase;
let folder: string;
beforeAll(async () => {
  db = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-migrations-'));
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true, force: true });
});

/** Roles are shared by every test database of the server, so their passwords must stay as they are. */
async function run(sources: Parameters<typeof migrate>[1]): Promise<readonly string[]> {
  const server = process.env['GATEHOUSE_TEST_ADMIN_URL'] ?? '';
  const applied = await migrate(db.adminUrl, sources, roleSecrets(deriveConnectionUrls(server)));
  return applied.map((migration) => `${migration.room}/${migration.name}`);
}

test('migrating a second time changes nothing', async () => {
  expect(await run(migrationSources)).toEqual([]);
});

test('a migration is applied once, and one whose text was changed afterwards is refused', async () => {
  const source = [{ room: 'late', folder }];
  await writeFile(join(folder, '0001-first.sql'), 'create table late.a (id int)');
  expect(await run(source)).toEqual(['late/first']);
  expect(await run(source)).toEqual([]);
  await writeFile(join(folder, '0001-first.sql'), 'create table late.b (id int)');
  await expect(run(source)).rejects.toMatchObject({ code: 'ERR_DB_MIGRATION_CHANGED' });
});

test('a migration that fails is undone as a whole and named', async () => {
  const broken = await mkdtemp(join(tmpdir(), 'gatehouse-migrations-'));
  await writeFile(join(broken, '0001-half.sql'), 'create table half.a (id int); select nothing');
  const attempt = run([{ room: 'half', folder: broken }]);
  await expect(attempt).rejects.toMatchObject({
    code: 'ERR_DB_MIGRATION_FAILED',
    message: expect.stringContaining('half/1-half'),
  });
  const { rows } = await db.admin(`select to_regclass('half.a') as found`);
  expect(rows).toEqual([{ found: null }]);
  await rm(broken, { recursive: true, force: true });
});

test('two processes that migrate at once do not meet', async () => {
  await writeFile(join(folder, '0001-first.sql'), 'create table late.a (id int)');
  await writeFile(join(folder, '0002-second.sql'), 'create table late.c (id int)');
  const source = [{ room: 'late', folder }];
  const both = await Promise.all([run(source), run(source)]);
  expect(both.flat()).toEqual(['late/second']);
});
