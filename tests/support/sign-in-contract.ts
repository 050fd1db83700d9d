import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createBrowser, type Browser, type Page } from './browser.ts';
import type { IdentityHouse } from './identity-house.ts';
import { freshCodes } from './one-time-codes.ts';

/** A person that the provider knows. */
export type ContractUser = { readonly name: string; readonly password: string; readonly totpSecret: string };

/** A provider under the contract, with one tenant connected to it. */
export type SignInTarget = {
  readonly house: IdentityHouse;
  readonly tenantSlug: string;
  /** A user for each test: one-time codes are single use. */
  readonly users: readonly ContractUser[];
  readonly passwordFields: (user: ContractUser) => Readonly<Record<string, string>>;
  readonly codeFields: (code: string) => Readonly<Record<string, string>>;
  /** An access token by client credentials. */
  readonly serviceToken: () => Promise<string>;
  readonly stepUpMethod: 'totp' | 'redirect';
  readonly close: () => Promise<void>;
};

type Session = {
  readonly csrfToken: string;
  readonly stepUp: { readonly method: string };
  readonly principal: {
    readonly id: string;
    readonly assurance: { readonly level: number; readonly authenticatedAt: string };
  };
};

/** The same sign-in, whoever provides it: runs against the embedded provider and against a real Keycloak. */
export function signInContract(
  name: string,
  start: () => Promise<SignInTarget>,
  timeoutMilliseconds: number,
): void {
  describe(`sign-in through ${name}`, () => {
    let target: SignInTarget;
    beforeAll(async () => void (target = await start()), timeoutMilliseconds);
    afterAll(() => target?.close(), timeoutMilliseconds);

    const url = (path: string): string => `${target.house.url}${path}`;
    const login = (query = ''): string =>
      url(`/auth/login?tenant=${target.tenantSlug}&return_to=/done${query}`);
    const user = (index: number): ContractUser => {
      const found = target.users[index];
      if (found === undefined) throw new Error(`the target has no user ${index}`);
      return found;
    };
    const isCallback = (location: string): boolean => location.startsWith(url('/auth/callback'));
    const isDone = (location: string): boolean => location === url('/done');
    const session = async (browser: Browser): Promise<Session | null> => {
      const response = await browser.fetch(url('/v1/identity/session'));
      return response.status === 200 ? ((await response.json()) as Session) : null; // the route's own schema
    };
    /** Up to the page that asks for the code. */
    const toCodePage = async (browser: Browser, who: ContractUser, query = ''): Promise<Page> =>
      browser.submit(await browser.open(login(query)), target.passwordFields(who));
    const signIn = async (browser: Browser, who: ContractUser, code: string): Promise<void> => {
      await browser.submitUntil(await toCodePage(browser, who), target.codeFields(code), isDone);
    };

    test('password and one-time code give a session of level 2', async () => {
      const [browser, who] = [createBrowser(), user(0)];
      await signIn(browser, who, (await freshCodes(who.totpSecret)).current);
      const mine = await session(browser);
      expect(mine?.principal.assurance.level).toBe(2);
      expect(Date.now() - Date.parse(mine?.principal.assurance.authenticatedAt ?? '')).toBeLessThan(60_000);
      expect(mine?.stepUp.method).toBe(target.stepUpMethod);
    });

    test('a wrong code gives no session', async () => {
      const [browser, who] = [createBrowser(), user(1)];
      const { current } = await freshCodes(who.totpSecret);
      const wrong = String((Number(current) + 1) % 1_000_000).padStart(6, '0');
      const again = await browser.submit(await toCodePage(browser, who), target.codeFields(wrong));
      expect(again.html).toMatch(/role="alert"|error|Invalid/i);
      expect(await session(browser)).toBeNull();
    });

    test('a code that was used once is refused the second time', async () => {
      const who = user(2);
      const { current } = await freshCodes(who.totpSecret, 20);
      await signIn(createBrowser(), who, current);
      const thief = createBrowser();
      const page = await thief.submit(await toCodePage(thief, who), target.codeFields(current));
      expect(page.url).not.toBe(url('/done'));
      expect(await session(thief)).toBeNull();
    });

    test('an answer with another state, in another browser, or played twice is refused', async () => {
      const [browser, who] = [createBrowser(), user(3)];
      const { current, past } = await freshCodes(who.totpSecret, 20);
      const answer = await browser.submitUntil(
        await toCodePage(browser, who),
        target.codeFields(past),
        isCallback,
      );
      const stranger = createBrowser();
      expect((await stranger.open(answer)).status).toBe(400);
      const changed = new URL(answer);
      changed.searchParams.set('state', 'A'.repeat(43));
      expect((await browser.open(changed.href)).status).toBe(400);
      // The flow was taken by the attempt: the true answer comes too late.
      expect((await browser.open(answer)).status).toBe(400);
      expect(await session(browser)).toBeNull();
      const second = createBrowser();
      const good = await second.submitUntil(
        await toCodePage(second, who),
        target.codeFields(current),
        isCallback,
      );
      expect((await second.fetch(good)).status).toBe(302);
      expect((await second.open(good)).status).toBe(400);
    }, 90_000);

    test('an ID token with another nonce is refused', async () => {
      const [browser, who] = [createBrowser(), user(4)];
      const { current } = await freshCodes(who.totpSecret, 15);
      const page = await toCodePage(browser, who);
      await target.house.db.admin(
        `update identity.login_flow set nonce = 'planted' where expires_at > now()`,
      );
      const answer = await browser.submitUntil(page, target.codeFields(current), isCallback);
      expect((await browser.open(answer)).status).toBe(400);
      expect(await session(browser)).toBeNull();
    }, 60_000);

    test('a step-up by acr gives a fresh session and ends the old one', async () => {
      const [browser, who] = [createBrowser(), user(5)];
      const { past, current } = await freshCodes(who.totpSecret, 20);
      await signIn(browser, who, past);
      const before = await session(browser);
      const old = browser.cookie(target.house.url, 'gatehouse') ?? '';
      await new Promise((wake) => setTimeout(wake, 1_100));
      let page = await browser.open(login('&acr_values=aal2&max_age=0'));
      if (/type="password"/.test(page.html))
        page = await browser.submit(page, passwordOnly(page, target.passwordFields(who)));
      await browser.submitUntil(page, target.codeFields(current), isDone);
      const after = await session(browser);
      expect(after?.principal.id).toBe(before?.principal.id);
      expect(after?.principal.assurance.level).toBe(2);
      expect(Date.parse(after?.principal.assurance.authenticatedAt ?? '')).toBeGreaterThan(
        Date.parse(before?.principal.assurance.authenticatedAt ?? ''),
      );
      expect(after?.csrfToken).not.toBe(before?.csrfToken);
      const thief = createBrowser();
      thief.setCookie(target.house.url, 'gatehouse', old);
      expect(await session(thief)).toBeNull();
    }, 90_000);

    test('signing out needs the CSRF token, ends the session, and the next sign-in asks for the password again', async () => {
      const [browser, who] = [createBrowser(), user(6)];
      await signIn(browser, who, (await freshCodes(who.totpSecret)).current);
      const mine = await session(browser);
      const out = (headers: Record<string, string>) =>
        browser.fetch(url('/auth/logout'), { method: 'POST', headers });
      expect((await out({})).status).toBe(403);
      const old = browser.cookie(target.house.url, 'gatehouse') ?? '';
      expect((await out({ 'x-csrf-token': mine?.csrfToken ?? '' })).status).toBe(204);
      browser.setCookie(target.house.url, 'gatehouse', old);
      expect(await session(browser)).toBeNull();
      expect((await browser.open(login())).html).toMatch(/type="password"/);
    });

    test('a service account’s token passes the gate as a machine, never as a person', async () => {
      const token = await target.serviceToken();
      const found = await target.house.identity.authenticate({
        method: 'POST',
        url: '/',
        headers: { authorization: `Bearer ${token}` },
        ip: null,
      });
      expect(found?.via).toBe('bearer');
      expect(found?.principal).toMatchObject({
        kind: 'service_account',
        assurance: { level: 1, authenticatedAt: null },
      });
      const foreign = `${token.slice(0, -4)}AAAA`;
      await expect(
        target.house.identity.authenticate({
          method: 'GET',
          url: '/',
          headers: { authorization: `Bearer ${foreign}` },
          ip: null,
        }),
      ).rejects.toMatchObject({ code: 'ERR_TOKEN_INVALID', status: 401 });
    });
  });
}

/** A provider that remembers the user name asks for the password alone. */
function passwordOnly(
  page: Page,
  fields: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => page.html.includes(`name="${name}"`)));
}
