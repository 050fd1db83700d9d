import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Secret, type TenantId } from '../../kernel/index.ts';
import { createBrowser, type Browser } from '../support/browser.ts';
import { startIdentityHouse, type IdentityHouse } from '../support/identity-house.ts';
import { freshCodes, oneTimeCode } from '../support/one-time-codes.ts';

const totpSecret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const password = 'correct horse battery';
const by = { actor: { kind: 'system', id: 'test', displayName: 'test' } } as const;
const slug = 'acme';

let house: IdentityHouse;
let tenantId: TenantId;
let count = 0;
beforeAll(async () => {
  house = await startIdentityHouse();
  tenantId = await house.db.createTenant(slug);
  await house.warm(tenantId);
}, 60_000);
afterAll(() => house.close());

type Person = { readonly id: string; readonly email: string };
const inTenant: IdentityHouse['db']['database']['withTenant'] = (tenant, work) =>
  house.db.database.withTenant(tenant, work);
async function person(totp: boolean): Promise<Person> {
  const email = `person${(count += 1)}@acme.example`;
  const user = {
    email,
    displayName: email,
    password: new Secret(password),
    ...(totp ? { totpSecret: new Secret(totpSecret) } : {}),
  };
  const { id } = await inTenant(tenantId, (tx) => house.identity.createUser(tx, user));
  return { id, email };
}
const isDone = (location: string): boolean => location === `${house.url}/done`;
const login = (query = ''): string => `${house.url}/auth/login?tenant=${slug}&return_to=/done${query}`;
async function signIn(who: Person, code?: string): Promise<Browser> {
  const browser = createBrowser();
  const page = await browser.open(login());
  const credentials = { email: who.email, password, step: 'password' };
  if (code === undefined) await browser.submitUntil(page, credentials, isDone);
  else await browser.submitUntil(await browser.submit(page, credentials), { code, step: 'code' }, isDone);
  return browser;
}
async function session(
  browser: Browser,
): Promise<{ status: number; csrfToken: string; principal: { assurance: { level: number } } }> {
  const response = await browser.fetch(`${house.url}/v1/identity/session`);
  return {
    status: response.status,
    ...((await response.json()) as { csrfToken: string; principal: { assurance: { level: number } } }),
  };
}
async function post(
  browser: Browser,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const { csrfToken } = await session(browser);
  const response = await browser.fetch(`${house.url}${path}`, {
    method: 'POST',
    headers: { 'x-csrf-token': csrfToken, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return {
    status: response.status,
    body: JSON.parse((await response.text()) || '{}') as Record<string, unknown>,
  };
}

describe('one-time codes', () => {
  test('of parallel step-ups with one code exactly one wins', async () => {
    const who = await person(true);
    const recovery = await inTenant(tenantId, (tx) => house.identity.replaceRecoveryCodes(tx, who.id));
    // Sessions of their own, so that only the code itself can stop the second one.
    const browsers = await Promise.all(recovery.slice(0, 4).map((code) => signIn(who, code)));
    const { current } = await freshCodes(totpSecret, 10);
    const answers = await Promise.all(
      browsers.map((browser) => post(browser, '/v1/identity/step-up', { code: current })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401]);
  }, 60_000);

  test('a step-up changes cookie and CSRF token, and the old cookie is dead', async () => {
    const who = await person(true);
    const { past, current } = await freshCodes(totpSecret, 15);
    const browser = await signIn(who, past);
    const [old, before] = [browser.cookie(house.url, 'gatehouse') ?? '', await session(browser)];
    expect((await post(browser, '/v1/identity/step-up', { code: '000000' })).status).toBe(401);
    const raised = await post(browser, '/v1/identity/step-up', { code: current });
    expect(raised).toMatchObject({
      status: 200,
      body: { stepUp: { method: 'totp' }, principal: { assurance: { level: 2 } } },
    });
    expect((await session(browser)).csrfToken).not.toBe(before.csrfToken);
    const thief = createBrowser();
    thief.setCookie(house.url, 'gatehouse', old);
    expect((await session(thief)).status).toBe(401);
  }, 60_000);

  test('the sixth try within 15 minutes is refused, even with the right code', async () => {
    const who = await person(true);
    const { past, current } = await freshCodes(totpSecret, 15);
    const browser = await signIn(who, past);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      expect((await post(browser, '/v1/identity/step-up', { code: '000000' })).status).toBe(401);
    }
    expect((await post(browser, '/v1/identity/step-up', { code: current })).status).toBe(429);
  }, 60_000);
});

describe('the sign-in page', () => {
  test('answers alike for an unknown user and a wrong password, and locks after five tries', async () => {
    const who = await person(false);
    const texts: string[] = [];
    for (const email of [who.email, 'nobody@acme.example']) {
      const browser = createBrowser();
      let page = await browser.open(login());
      for (let attempt = 0; attempt < 5; attempt += 1)
        page = await browser.submit(page, { email, password: 'wrong', step: 'password' });
      expect(page.status).toBe(422);
      texts.push(page.html.replaceAll(email, 'EMAIL').replace(/interaction\/[\w-]+/g, ''));
      expect((await browser.submit(page, { email, password, step: 'password' })).status).toBe(429);
    }
    expect(texts[0]).toBe(texts[1]);
  }, 60_000);

  test('does not take a code before the password, nor a user of another tenant', async () => {
    const browser = createBrowser();
    const page = await browser.open(login());
    const skipped = await browser.fetch(page.url, {
      method: 'POST',
      body: new URLSearchParams({ step: 'code', code: '123456' }),
    });
    expect(skipped.status).toBe(400);
    await house.db.createTenant('globex');
    const who = await person(false);
    const elsewhere = createBrowser();
    expect((await elsewhere.open(login().replace(slug, 'globex'))).status).toBe(404); // no provider there yet
    expect((await signIn(who).then(session)).status).toBe(200);
  }, 60_000);

  test('is sent with a strict policy and in the reader’s language, and names no host that the client invented', async () => {
    const response = await fetch(`${house.url}/oidc/.well-known/openid-configuration`, {
      headers: { 'x-forwarded-host': 'evil.example' },
    });
    expect(JSON.stringify(await response.json())).not.toContain('evil');
    const browser = createBrowser();
    const page = await browser.open(login('&ui_locales=pl'));
    expect(page.html).toContain('lang="pl"');
    const headers = (await browser.fetch(page.url)).headers;
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
    );
    expect(headers.get('cache-control')).toBe('no-store');
  });

  test('a request for level 2 is refused to a user without a second factor', async () => {
    const who = await person(false);
    const browser = createBrowser();
    const page = await browser.submit(await browser.open(login('&acr_values=aal2')), {
      email: who.email,
      password,
      step: 'password',
    });
    expect(page.status).toBe(422);
    expect(browser.cookie(house.url, 'gatehouse')).toBeUndefined();
  });
});

describe('second factor enrolment', () => {
  test('ends with a first code, gives ten single-use recovery codes, and ends the other sessions', async () => {
    const who = await person(false);
    const [browser, other] = [await signIn(who), await signIn(who)];
    const begun = await post(browser, '/v1/identity/me/totp');
    const secret = String(begun.body['secret']);
    expect((await post(browser, '/v1/identity/me/totp/confirm', { code: '000000' })).status).toBe(400);
    await freshCodes(secret, 10);
    const step = Math.floor(Date.now() / 30_000);
    expect(
      (await post(browser, '/v1/identity/me/totp/confirm', { code: oneTimeCode(secret, step - 1) })).status,
    ).toBe(204);
    expect((await session(other)).status).toBe(401);
    // From now on changing a factor needs the factor.
    expect((await post(browser, '/v1/identity/me/recovery-codes')).status).toBe(401);
    expect((await post(browser, '/v1/identity/step-up', { code: oneTimeCode(secret, step) })).status).toBe(
      200,
    );
    const made = await post(browser, '/v1/identity/me/recovery-codes');
    const codes = made.body['codes'] as string[];
    expect(new Set(codes).size).toBe(10);
    expect(codes[0]).toMatch(/^([0-9A-HJKMNP-TV-Z]{6}-?){4}$/);
    const typed = codes[0]?.toLowerCase().replaceAll('-', ' ') ?? '';
    expect((await post(browser, '/v1/identity/step-up', { code: typed })).status).toBe(200);
    expect((await post(browser, '/v1/identity/step-up', { code: typed })).status).toBe(401);
    const stored = await house.db.admin('select code_hash from identity.recovery_code where user_id = $1', [
      who.id,
    ]);
    expect(JSON.stringify(stored.rows)).not.toContain(codes[1]);
  }, 60_000);
});

describe('the end of access', () => {
  test('disabling a user ends every session in the same transaction and sticks', async () => {
    const who = await person(false);
    const browser = await signIn(who);
    await inTenant(tenantId, (tx) => house.identity.changeUser(tx, who.id, { state: 'disabled' }, by));
    expect((await session(browser)).status).toBe(401);
    const again = createBrowser();
    const page = await again.submit(await again.open(login()), {
      email: who.email,
      password,
      step: 'password',
    });
    expect(page.status).toBe(422);
    await inTenant(tenantId, (tx) => house.identity.changeUser(tx, who.id, { state: 'active' }, by));
    expect((await session(browser)).status).toBe(401);
    expect((await signIn(who).then(session)).status).toBe(200);
  }, 60_000);

  test('a sign-in that races with the deactivation leaves no session behind', async () => {
    for (let round = 0; round < 5; round += 1) {
      const who = await person(false);
      const browser = createBrowser();
      const isCallback = (location: string): boolean => location.startsWith(`${house.url}/auth/callback`);
      const answer = await browser.submitUntil(
        await browser.open(login()),
        { email: who.email, password, step: 'password' },
        isCallback,
      );
      const disable = inTenant(tenantId, (tx) =>
        house.identity.changeUser(tx, who.id, { state: 'disabled' }, by),
      );
      await Promise.all([browser.fetch(answer), disable]);
      expect((await session(browser)).status).toBe(401);
      const open = await house.db.admin(
        'select 1 from identity.session where user_id = $1 and ended_at is null',
        [who.id],
      );
      expect(open.rowCount).toBe(0);
    }
  }, 60_000);

  test('a disabled service account’s living token is refused at once, and its secret too', async () => {
    const account = await inTenant(tenantId, (tx) =>
      house.identity.createServiceAccount(tx, { name: 'svc-short' }),
    );
    const ask = () =>
      fetch(`${house.url}/oidc/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          client_id: account.clientId,
          client_secret: account.clientSecret.reveal(),
        }),
      });
    const { access_token: token } = (await (await ask()).json()) as { access_token: string };
    const use = () =>
      house.identity.authenticate({
        method: 'GET',
        url: '/',
        headers: { authorization: `Bearer ${token}` },
        ip: null,
      });
    expect((await use())?.principal.kind).toBe('service_account');
    await house.db.admin(`update identity.service_account set state = 'disabled' where id = $1`, [
      account.id,
    ]);
    // Changed behind the house's back, as by another replica: it hears of it by NOTIFY, and a second is the promise.
    const refused = (): Promise<unknown> =>
      use().then(
        () => null,
        (error: { code?: unknown }) => error.code,
      );
    const until = Date.now() + 1_000;
    while ((await refused()) === null && Date.now() < until) await new Promise((wake) => setTimeout(wake, 5));
    expect(await refused()).toBe('ERR_TOKEN_INVALID');
    expect((await ask()).status).toBe(401);
  });

  test('an idle session and one past its absolute life are dead', async () => {
    const who = await person(false);
    const [idle, old] = [await signIn(who), await signIn(who)];
    await house.db.admin(
      `update identity.session set last_seen_at = now() - interval '31 minutes' where id = $1`,
      [sessionId(idle)],
    );
    await house.db.admin(`update identity.session set expires_at = now() where id = $1`, [sessionId(old)]);
    expect([(await session(idle)).status, (await session(old)).status]).toEqual([401, 401]);
  });
});

const sessionId = (browser: Browser): string => browser.cookie(house.url, 'gatehouse')?.split('.')[1] ?? '';

describe('session cookies and writes', () => {
  test('a session opens nothing under another tenant’s name, nor with another secret', async () => {
    const other = await house.db.createTenant();
    const browser = await signIn(await person(false));
    const [, id, secret] = browser.cookie(house.url, 'gatehouse')?.split('.') ?? [];
    browser.setCookie(house.url, 'gatehouse', `${other}.${id}.${secret}`);
    expect((await session(browser)).status).toBe(401);
    browser.setCookie(house.url, 'gatehouse', `${tenantId}.${id}.${'A'.repeat(43)}`);
    expect((await session(browser)).status).toBe(401);
  });

  test('an unsafe method needs the CSRF token of this very session', async () => {
    const [mine, other] = [await signIn(await person(false)), await signIn(await person(false))];
    const cookie = `gatehouse=${mine.cookie(house.url, 'gatehouse')}`;
    const ask = (method: string, headers: Record<string, string>) =>
      house.identity.authenticate({ method, url: '/', headers: { cookie, ...headers }, ip: null });
    expect((await ask('GET', {}))?.via).toBe('session');
    for (const token of ['', 'x', (await session(other)).csrfToken]) {
      await expect(ask('POST', { 'x-csrf-token': token })).rejects.toMatchObject({
        code: 'ERR_CSRF',
        status: 403,
      });
    }
    expect((await ask('POST', { 'x-csrf-token': (await session(mine)).csrfToken }))?.via).toBe('session');
    await expect(
      house.identity.authenticate({
        method: 'GET',
        url: '/',
        headers: { authorization: 'Basic eDp5' },
        ip: null,
      }),
    ).rejects.toMatchObject({ status: 401 });
  });

  test('neither cookie secrets nor provider codes nor TOTP secrets stand in the database', async () => {
    const browser = await signIn(await person(true), (await freshCodes(totpSecret)).current);
    const secret = browser.cookie(house.url, 'gatehouse')?.split('.')[2] ?? '';
    const tables = ['session', 'provider_object', 'provider_secret', 'totp_factor', 'login_flow'];
    const dumps = await Promise.all(
      tables.map((table) =>
        house.db.admin(
          `select encode(convert_to(t::text, 'UTF8'), 'escape') as line from identity.${table} t`,
        ),
      ),
    );
    const text = JSON.stringify(dumps.map(({ rows }) => rows));
    for (const leak of [secret, totpSecret, '"kty"', 'accountId']) expect(text).not.toContain(leak);
    expect(text).not.toContain(Buffer.from(totpSecret).toString('hex'));
  }, 60_000);

  test('every outcome stands in the tenant’s log', async () => {
    await house.audit.flush();
    const rows = await house.db.admin(`select distinct e.action from audit.entry e where e.tenant_id = $1`, [
      tenantId,
    ]);
    const actions = rows.rows.map(({ action }: { action: string }) => action);
    for (const action of [
      'sign_in_succeeded',
      'sign_in_failed',
      'step_up_succeeded',
      'step_up_failed',
      'user_disabled',
      'session_ended',
      'factor_changed',
      'user_created',
    ]) {
      expect(actions).toContain(`identity.${action}`);
    }
  });
});
