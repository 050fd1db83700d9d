import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Secret, type TenantId } from '../../kernel/index.ts';
import { createBrowser } from '../support/browser.ts';
import { startIdentityHouse, type IdentityHouse } from '../support/identity-house.ts';

const password = 'correct horse battery';
const by = { actor: { kind: 'system', id: 'test', displayName: 'test' } } as const;
const minutes = 60_000;

let house: IdentityHouse;
let tenantId: TenantId;
let ahead = 0;
beforeAll(async () => {
  house = await startIdentityHouse({ clock: { now: () => new Date(Date.now() + ahead) } });
  tenantId = await house.db.createTenant('acme');
  await house.warm(tenantId);
}, 60_000);
afterAll(() => house.close());

const inTenant: IdentityHouse['db']['database']['withTenant'] = (tenant, work) =>
  house.db.database.withTenant(tenant, work);

async function person(email: string): Promise<string> {
  const user = { email, displayName: email, password: new Secret(password) };
  return (await inTenant(tenantId, (tx) => house.identity.createUser(tx, user))).id;
}

/** Tries a password, `times` times at once; gives the statuses, 303 for the right one. */
async function tryPassword(email: string, given: string, times = 1): Promise<readonly number[]> {
  const browser = createBrowser();
  const page = await browser.open(`${house.url}/auth/login?tenant=acme`);
  const body = new URLSearchParams({ step: 'password', email, password: given });
  const answers = await Promise.all(
    Array.from({ length: times }, () => browser.fetch(page.url, { method: 'POST', body })),
  );
  await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  return answers.map(({ status }) => status);
}

test('of fifty tries at once five are looked at, and refused ones lock nobody out for longer than the quarter of an hour', async () => {
  await person('locked@acme.example');
  let statuses: readonly number[] = [];
  for (let round = 0; round < 3; round += 1)
    statuses = [...statuses, ...(await tryPassword('locked@acme.example', 'wrong', 50))];
  expect(statuses.filter((status) => status === 422)).toHaveLength(5);
  expect(statuses.filter((status) => status === 429)).toHaveLength(145);
  ahead += 16 * minutes;
  expect(await tryPassword('locked@acme.example', password)).toEqual([303]);
}, 60_000);

test('after a hundred failures in a row only an administrator lets the user in again', async () => {
  const id = await person('stopped@acme.example');
  for (let window = 0; window < 20; window += 1) {
    expect(await tryPassword('stopped@acme.example', 'wrong', 5)).toEqual([422, 422, 422, 422, 422]);
    ahead += 16 * minutes;
  }
  expect(await tryPassword('stopped@acme.example', password)).toEqual([429]);
  ahead += 16 * minutes;
  expect(await tryPassword('stopped@acme.example', password)).toEqual([429]);
  for (const state of ['disabled', 'active'] as const)
    await inTenant(tenantId, (tx) => house.identity.changeUser(tx, id, { state }, by));
  expect(await tryPassword('stopped@acme.example', password)).toEqual([303]);
}, 120_000);

test('somebody who hammers one account does not lock the others out from the same address', async () => {
  await person('hammered@acme.example');
  await person('neighbour@acme.example');
  for (let round = 0; round < 3; round += 1) await tryPassword('hammered@acme.example', 'wrong', 50);
  expect(await tryPassword('neighbour@acme.example', password)).toEqual([303]);
}, 60_000);

test.each(['%00', 'a%00b@acme.example', '%ED%A0%80', '%C0%80', 'x'.repeat(7_000)])(
  'an e-mail address of wrong bytes is a no, not a fault of the server: case %#',
  async (email) => {
    const browser = createBrowser();
    const page = await browser.open(`${house.url}/auth/login?tenant=acme`);
    const answer = await browser.fetch(page.url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `step=password&email=${email}&password=%00`,
    });
    expect([400, 422]).toContain(answer.status);
  },
);
