import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createBrowser } from '../support/browser.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';
import { freshCodes } from '../support/one-time-codes.ts';

let house: TestHouse;
beforeAll(async () => void (house = await startTestHouse({ contacts: 5 })), 120_000);
afterAll(() => house?.close());

test('a demo person signs in to the whole house, manages users after a fresh proof, and signs out', async () => {
  const user = house.tenants
    .find(({ slug }) => slug === 'acme')
    ?.users.find(({ roles }) => roles.includes('security_admin'));
  if (user === undefined) throw new Error('the demo has no security administrator');
  const { past, current } = await freshCodes(user.totpSecret, 20);
  const browser = createBrowser();
  const page = await browser.open(`${house.url}/auth/login?tenant=acme&return_to=/v1/identity/session`);
  const code = await browser.submit(page, { email: user.email, password: user.password, step: 'password' });
  const signedIn = await browser.submit(code, { code: past, step: 'code' });
  expect(signedIn).toMatchObject({ url: `${house.url}/v1/identity/session`, status: 200 });
  const stepUp = await browser.fetch(`${house.url}/v1/identity/step-up`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-csrf-token': (JSON.parse(signedIn.html) as { csrfToken: string }).csrfToken,
    },
    body: JSON.stringify({ code: current }),
  });
  expect(stepUp.status).toBe(200);
  const { csrfToken } = (await stepUp.json()) as { csrfToken: string };
  const send = (method: string, path: string, body?: unknown): Promise<Response> =>
    browser.fetch(`${house.url}${path}`, {
      method,
      headers: {
        'x-csrf-token': csrfToken,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const listed = (await (await send('GET', '/v1/identity/users?limit=2')).json()) as {
    items: object[];
    nextCursor: string | null;
  };
  expect(listed.items).toHaveLength(2);
  expect((await send('GET', `/v1/identity/users?limit=2&cursor=${listed.nextCursor}`)).status).toBe(200);
  expect((await send('GET', '/v1/identity/users?cursor=bogus')).status).toBe(400);
  const created = await send('POST', '/v1/identity/users', {
    email: 'new@acme.example',
    displayName: 'New Person',
    password: 'a long new password',
  });
  expect(created.status).toBe(201);
  const { id } = (await created.json()) as { id: string };
  expect(
    (
      await send('POST', '/v1/identity/users', {
        email: 'NEW@acme.example',
        displayName: 'Twin',
        password: 'a long new password',
      })
    ).status,
  ).toBe(409);
  expect(await (await send('PATCH', `/v1/identity/users/${id}`, { state: 'disabled' })).json()).toMatchObject(
    { id, state: 'disabled' },
  );
  const { principal } = JSON.parse(signedIn.html) as { principal: { id: string } };
  // Policy's conditions read attributes: to change one's own would be to widen one's own access.
  for (const change of [{ state: 'disabled' }, { attributes: { region: 'amer' } }])
    expect((await send('PATCH', `/v1/identity/users/${principal.id}`, change)).status).toBe(409);
  expect((await send('PATCH', `/v1/identity/users/${principal.id}`, { displayName: 'Me' })).status).toBe(200);
  const account = await send('POST', '/v1/identity/service-accounts', { name: 'svc-new' });
  expect(account.status).toBe(201);
  const made = (await account.json()) as { id: string };
  expect((await send('DELETE', `/v1/identity/service-accounts/${made.id}`)).status).toBe(204);
  for (const path of ['service-accounts', 'sessions', 'me/sessions', 'connections'])
    expect((await send('GET', `/v1/identity/${path}`)).status).toBe(200);
  expect((await send('POST', '/auth/logout')).status).toBe(204);
  expect((await send('GET', '/v1/identity/users')).status).toBe(401);
}, 90_000);

test('a service account reads who it is, and cannot do what needs a person', async () => {
  const admin = await house.as('acme', 'security_admin');
  const me = await admin('GET', '/v1/identity/session');
  expect(me).toMatchObject({
    status: 200,
    body: {
      principal: { kind: 'service_account', assurance: { level: 1, authenticatedAt: null } },
      csrfToken: null,
    },
  });
  const refused = await admin('POST', '/v1/identity/users', { email: 'x@acme.example', displayName: 'X' });
  expect(refused.status).toBe(401);
  expect(refused.headers.get('www-authenticate')).toContain('insufficient_user_authentication');
  const globex = await house.as('globex', 'security_admin');
  const users = await globex('GET', '/v1/identity/users');
  expect(JSON.stringify(users.body)).not.toContain('@acme.example');
});

test('a service account that is disabled by another process is refused with a token that worked', async () => {
  const until401 = async (caller: Awaited<ReturnType<TestHouse['as']>>): Promise<number> => {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const { status } = await caller('GET', '/v1/identity/session');
      if (status !== 200) return status;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return 200;
  };
  const engineer = await house.as('globex', 'platform_engineer');
  expect((await engineer('GET', '/v1/identity/session')).status).toBe(200);
  await house.db.admin(
    `update identity.service_account s set state = 'disabled' from db.tenant t where t.id = s.tenant_id and t.slug = 'globex' and s.name = 'svc-platform_engineer'`,
  );
  expect(await until401(engineer)).toBe(401);
});
