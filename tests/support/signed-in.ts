import { createBrowser } from './browser.ts';
import type { Answer, TestHouse } from './house.ts';
import { freshCodes } from './one-time-codes.ts';

/** A person who came in by the sign-in page, with password and one-time code. */
export type SignedIn = {
  readonly id: string;
  /** The session cookie, as a browser has it. */
  readonly session: string;
  readonly call: (method: string, path: string, body?: unknown) => Promise<Answer>;
};

/**
 * Signs a demo person in at the house's own provider, as their browser would; their second factor is then fresh.
 *
 * @param name - of the persona, such as `admin`
 */
export async function signInPerson(house: TestHouse, slug: string, name: string): Promise<SignedIn> {
  const user = house.tenants
    .find((tenant) => tenant.slug === slug)
    ?.users.find(({ email }) => email === `${name}@${slug}.example`);
  if (user === undefined) throw new Error(`the demo has no ${name} in ${slug}`);
  const { current } = await freshCodes(user.totpSecret, 5);
  const browser = createBrowser();
  const page = await browser.open(`${house.url}/auth/login?tenant=${slug}&return_to=/v1/identity/session`);
  const asked = await browser.submit(page, { email: user.email, password: user.password, step: 'password' });
  const done = await browser.submit(asked, { code: current, step: 'code' });
  const { csrfToken, principal } = JSON.parse(done.html) as { csrfToken: string; principal: { id: string } }; // the route's own schema
  const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await browser.fetch(`${house.url}${path}`, {
      method,
      headers: {
        'x-csrf-token': csrfToken,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '') && text !== '';
    return {
      status: response.status,
      headers: response.headers,
      body: isJson ? JSON.parse(text) : text,
    };
  };
  return { id: principal.id, session: browser.cookie(house.url, 'gatehouse') ?? '', call };
}
