import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../tests/support/database.ts';
import type { Command } from '../command.ts';
import { identityCommands } from './identity.ts';

let db: TestDatabase;
beforeAll(async () => void (db = await createTestDatabase()));
afterAll(() => db.close());

async function run(
  name: string,
  tenant: string | undefined,
  json: boolean,
): Promise<{ code: number; out: string[]; errors: string[] }> {
  const command = identityCommands.find((one: Command) => one.name === name);
  const [out, errors]: [string[], string[]] = [[], []];
  const io = {
    out: (line: string) => void out.push(line),
    error: (line: string) => void errors.push(line),
    environment: { GATEHOUSE_DATABASE_URL: db.adminUrl },
  };
  const code = await command?.run({ values: { tenant }, positionals: [], io, json });
  return { code: code ?? -1, out, errors };
}

test('lists the users and sessions of one tenant only', async () => {
  const [mine, other] = [await db.createTenant('mine'), await db.createTenant('other')];
  for (const [tenantId, name] of [
    [mine, 'Anna'],
    [other, 'Otto'],
  ]) {
    await db.admin(
      `insert into identity.user (tenant_id, id, display_name, created_at) values ($1, gen_random_uuid(), $2, now())`,
      [tenantId, name],
    );
  }
  const listed = await run('identity users', 'mine', true);
  expect(listed.code).toBe(0);
  expect(JSON.parse(listed.out.join(''))).toMatchObject({
    items: [{ displayName: 'Anna', state: 'active', totp: false }],
  });
  expect((await run('identity users', 'mine', false)).out.join()).not.toContain('Otto');
  expect(await run('identity sessions', 'mine', false)).toMatchObject({ code: 0, out: ['none'] });
});

test('an unknown tenant is a problem, a missing one is wrong use', async () => {
  expect((await run('identity users', 'nobody', false)).code).toBe(1);
  expect((await run('identity sessions', undefined, false)).code).toBe(2);
});
