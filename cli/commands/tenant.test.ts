import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../tests/support/database.ts';
import { main } from '../main.ts';

let db: TestDatabase;
let folder: string;
beforeAll(async () => {
  db = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-tenant-'));
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true, force: true });
});

async function gatehouse(
  ...argv: string[]
): Promise<{ readonly code: number; readonly out: string; readonly error: string }> {
  const out: string[] = [];
  const error: string[] = [];
  const environment = {
    GATEHOUSE_DATABASE_URL: db.adminUrl,
    GATEHOUSE_DATA_DIR: folder,
    GATEHOUSE_ROOT_KEY_PASSPHRASE: 'a passphrase of this test alone',
    GATEHOUSE_OIDC_ISSUER: 'https://id.example/realms/gatehouse',
    GATEHOUSE_OIDC_CLIENT_ID: 'gatehouse-console',
    GATEHOUSE_OIDC_CLIENT_SECRET: 'canary-client-secret',
  };
  const code = await main(argv, {
    out: (line) => void out.push(line),
    error: (line) => void error.push(line),
    environment,
  });
  return { code, out: out.join('\n'), error: error.join('\n') };
}

test('tenant create makes keys, log, roles and the connection to the provider, once', async () => {
  const first = await gatehouse(
    'tenant',
    'create',
    'initech',
    '--name',
    'Initech',
    '--time-zone',
    'Europe/Warsaw',
    '--json',
  );
  expect([first.code, first.error]).toEqual([0, '']);
  const again = await gatehouse('tenant', 'create', 'initech', '--name', 'Initech', '--json');
  expect(again).toEqual(first);
  const { id, vkey } = JSON.parse(first.out) as { id: string; vkey: string };
  expect(vkey).toContain('/log/');
  const count = async (table: string): Promise<number> =>
    (await db.admin(`select count(*)::int as n from ${table} where tenant_id = $1`, [id])).rows[0].n;
  expect(await count('crypto.kek')).toBe(1);
  expect(await count('policy.role')).toBe(5);
  const connections = await db.admin(
    'select issuer, kind, client_secret from identity.connection where tenant_id = $1',
    [id],
  );
  expect(connections.rows).toMatchObject([
    { issuer: 'https://id.example/realms/gatehouse', kind: 'keycloak' },
  ]);
  expect(connections.rows[0].client_secret.toString('latin1')).not.toContain('canary');
  expect(first.out + first.error).not.toContain('canary');
}, 60_000);

test.each([
  [['tenant', 'create']],
  [['tenant', 'create', 'Not A Slug', '--name', 'x']],
  [['tenant', 'create', 'initech']],
])('wrong use ends with 2 and says how: %j', async (argv) => {
  const answer = await gatehouse(...argv);
  expect(answer.code).toBe(2);
  expect(answer.error).toContain('usage: gatehouse tenant create');
});
